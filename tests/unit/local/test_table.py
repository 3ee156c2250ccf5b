import io
import json

import pytest
from rich.console import Console

from sens.local.part import State, Status
from sens.local.table import JsonLines, LiveTable, PlainLines, View, choose_view, draw, duration

RUNNING = Status(name="nats-server", state=State.RUNNING, pid=42, since=1000.0, url="mqtt://127.0.0.1:1883")
DEAD = Status(name="telemetry-worker", state=State.RESTARTING, since=1.0, restarts=3, note="ended [code 1]: no [db]")


def shown(*statuses: Status, rates: dict[str, float | None] | None = None) -> str:
    console = Console(file=io.StringIO(), width=140)
    console.print(draw(statuses, rates or {}, ["data: /x"], now=1065.0))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_shows_every_part_and_where_the_data_lies():
    text = shown(RUNNING, DEAD)
    for word in ("nats-server", "running", "42", "1m 5s", "mqtt://127.0.0.1:1883", "restarting", "3", "data: /x"):
        assert word in text
    assert "ended [code 1]: no [db]" in text  # no markup is read in what a part said


def test_rates_are_shown_and_unknown_ones_are_a_dash():
    text = shown(RUNNING, rates={"messages/s in": 12345.6, "readings/s stored": None})
    assert "messages/s in: 12,346" in text
    assert "readings/s stored: –" in text


def test_the_live_table_draws_at_a_tick():
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    view = LiveTable(["data: /x"], console)
    view.changed(RUNNING)
    view.tick([RUNNING], {})
    view.close()
    assert isinstance(console.file, io.StringIO)
    assert "nats-server" in console.file.getvalue()


def test_lines_tell_each_change(capsys: pytest.CaptureFixture[str]):
    view = PlainLines(["data: /x"])
    view.changed(RUNNING)
    view.changed(DEAD)
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == "data: /x"
    assert second.endswith("nats-server running pid 42 mqtt://127.0.0.1:1883")
    assert third.endswith("telemetry-worker restarting (ended [code 1]: no [db])")


def test_json_is_one_object_a_change(capsys: pytest.CaptureFixture[str]):
    JsonLines().changed(RUNNING)
    entry = json.loads(capsys.readouterr().out)
    assert entry.pop("at") > 0
    assert entry == {
        "name": "nats-server", "state": "running", "pid": 42, "since": 1000.0, "restarts": 0,
        "url": "mqtt://127.0.0.1:1883", "note": "",
    }  # fmt: skip


def test_the_link_to_log_in_is_told_by_each_view(capsys: pytest.CaptureFixture[str]):
    url = "http://127.0.0.1:8080/login#token=t"
    PlainLines([]).login(url)
    JsonLines().login(url)
    line, entry = capsys.readouterr().out.splitlines()
    assert line.startswith(f"log in: {url} ")
    assert json.loads(entry)["url"] == url
    console = Console(file=io.StringIO(), width=200, force_terminal=True)
    view = LiveTable([], console)
    view.login(url)
    view.tick([RUNNING], {})
    view.close()
    assert isinstance(console.file, io.StringIO)
    assert url in console.file.getvalue()


@pytest.mark.parametrize(("as_json", "kind"), [(True, JsonLines), (False, PlainLines)])
def test_without_a_terminal_there_is_no_table(as_json: bool, kind: type[View], capsys: pytest.CaptureFixture[str]):
    view = choose_view(["data: /x"], as_json=as_json)
    assert isinstance(view, kind)
    assert ("data: /x" in capsys.readouterr().out) is (not as_json)


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0s"), (59.9, "59s"), (61, "1m 1s"), (7_260, "2h 1m"), (180_000, "2d 2h")]
)
def test_a_duration_shows_its_two_largest_parts(seconds: float, text: str):
    assert duration(seconds) == text
