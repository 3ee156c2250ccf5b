"""Every page of the docs, word for word: its commands run, in its order, and print what it says."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reader import NOT_RUN, PAGES, ROOT, UNTIL_IT_PRINTS, Reader, blocks, commands, sending
from relay import Relay
from servers import Mosquitto
from whole_platform import Platform

# SQL is run by the tests of what it makes.
KINDS = {"", "sh", "python", "yaml", "sql"}
FOLLOWED = [page for page in PAGES if commands(page)]
# What its commands print somewhere, as regular expressions.
PRINTED = {
    "README.md": [r"climate-0001", r"\bbalanced\b"],
    "getting-started.md": [r"my-device +door.open", r"invalid_syntax", r"grafana"],
    "zigbee2mqtt.md": [r"bathroom\s+temperature\s+21.4\s+Cel", r'"expected_interval_s":3600'],
    "factory-line.md": ["182.4", "183.1", "183.9", "time_too_new", r"camera-1\s+score\s+0.93"],
    "from-csv-files.md": ["2025-02-01T05:00:00", "was imported before: 3 readings", "invalid_value"],
    "api.md": [
        "climate-0001 temperature",
        "Climate, hall",
        "time_us,",
        "boiler-2 note 21,5 degrees",
        "1 messages still open",
    ],
}

# And what the ledger says of readings afterwards.
STORED = {
    "from-csv-files.md": {
        "logger-2025": {"decoded": 3, "stored": 3, "duplicate": 0, "conflict": 0},
        "import": {"decoded": 6, "stored": 3, "duplicate": 3, "conflict": 0},
    }
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The platform of all pages that start none with a configuration of their own; it knows some devices."""
    with Platform(tmp_path_factory.mktemp("shared")) as platform:
        broker = f"mqtt://127.0.0.1:{platform.mqtt_port}"
        platform.json("simulate", "--broker", broker, "--messages", "60", "--rate", "100", "--devices", "10")
        platform.eventually(lambda: len(platform.json("devices", "climate-0001")) > 2)
        yield platform


@pytest.fixture
def reader(tmp_path: Path, mosquitto: Mosquitto, shared: Platform) -> Iterator[Reader]:
    reader = Reader(tmp_path, mosquitto, shared)
    yield reader
    reader.stop()


# A page starts a whole platform up to three times.
@pytest.mark.timeout(400)
@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.name)
def test_the_commands_of_a_page_do_what_it_says(page: Path, reader: Reader):
    printed = "\n".join(reader.follow(block) for block in blocks(page))
    ledger = {each["source"]: each["readings"] for each in reader.get("ledger")["sources"]}
    assert {source: ledger[source] for source in STORED.get(page.name, {})} == STORED.get(page.name, {})
    for pattern in PRINTED.get(page.name, []):
        assert re.search(pattern, printed), f"{pattern}: {printed}"


def step_of(line: str) -> int:
    device, metric, value = line.split()
    assert (device, metric) == ("climate-0001", f"step.{float(value):.0f}")
    return int(float(value))


def test_the_live_example_goes_on_without_a_gap_when_its_connection_breaks(reader: Reader, shared: Platform):
    python = [block for block in blocks(ROOT / "docs" / "api.md") if block.kind == "python"]
    connect, live = python[0], next(block for block in python if "Last-Event-ID" in block.text)
    relay = Relay(shared.port)
    reader.api = f"http://127.0.0.1:{relay.port}"
    reader.follow(connect)
    before, steps = relay.connections, list[int]()
    # Each is a series of its own: of each series the newest is given only.
    with reader.running(reader.command(live)) as lines:
        with sending(shared.mqtt_port, lambda n: {f"step.{n}": n}) as sent:
            for connection in (1, 2, 3):
                steps += [step_of(next(lines)) for _ in range(5)]
                assert relay.connections == before + connection
                relay.cut()
        while max(steps) < sent["messages"] - 1:
            steps.append(step_of(next(lines)))
    relay.close()
    assert sorted(steps) == list(range(min(steps), sent["messages"]))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_not_run_of_a_page_says_why(page: Path):
    assert {block.kind for block in blocks(page)} <= KINDS
    notes = [block.note for block in blocks(page) if block.kind in ("sh", "python") and block.note]
    assert [note for note in notes if note != UNTIL_IT_PRINTS and not NOT_RUN.fullmatch(note)] == []
