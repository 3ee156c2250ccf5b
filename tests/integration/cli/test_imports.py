"""`sens import` against a whole platform: what was exported comes back equal, and nothing comes twice."""

import csv
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from arro3.io import read_parquet

from servers import wait_until
from whole_platform import Platform

NUMBERS = [-0.0, 1e308, 5e-324, 0.1, 9007199254740994.0, -1.5e-300, 3]
LONG = 100_000
TEXTS = ["", 'Ann, "A"', "two\nlines\r\n", "Grüße, 世界 🌍", " spaces ", "true", "1.5"]
START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=5)


def moment(n: int) -> str:
    return (START + timedelta(seconds=n, microseconds=n % 7)).isoformat().replace("+00:00", "Z")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Another platform, with nothing in it."""
    with Platform(tmp_path_factory.mktemp("elsewhere")) as platform:
        yield platform


def rows(path: Path) -> list[tuple[Any, ...]]:
    """What a file of readings says, whatever the ids of its series were; floats by their bits."""
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            table = [dict(row) for row in csv.DictReader(file)]
    else:
        batch = read_parquet(path).read_all()
        columns = {name: batch.column(name).to_pylist() for name in batch.column_names}
        table = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for row in table:
        del row["series_id"]
        row["value"] = "" if row["value"] in ("", None) else float(row["value"]).hex()
    return sorted(tuple(map(str, row.values())) for row in table)


def long_file(path: Path, readings: int, device: str) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "device", "metric", "value"])
        writer.writerows([moment(n), f"{device}-{n % 10}", "level", n / 8] for n in range(readings))
    return path


def exported(platform: Platform, path: Path, **which: str) -> Path:
    options = [part for name, value in which.items() for part in (f"--{name}", value)]
    answer = platform("export", "--from", "now-10d", "-o", f"{path}", *options)
    assert answer.returncode == 0, answer.stderr
    return path


def counts(told: dict[str, Any]) -> tuple[int, ...]:
    assert told["pending"] == 0
    return tuple(told[name] for name in ("readings", "stored", "duplicate", "conflict", "quarantined"))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_was_exported_imports_back_equal(platform: Platform, elsewhere: Platform, tmp_path: Path, ending: str):
    device = f"odd-{ending}"
    for n, number in enumerate(NUMBERS):
        message = {"number": number, "yes": n % 2 == 0, "text": TEXTS[n], "n.t": n}
        platform.publish(f"sens/{device}/telemetry", json.dumps(message))
    platform.eventually(lambda: len(platform.measured(device)) == 4)
    platform.eventually(lambda: platform.get("ledger")["total"]["pending"] == 0)
    file = exported(platform, tmp_path / f"odd.{ending}", device=device)
    assert len(rows(file)) == 4 * len(NUMBERS)
    back = platform.json("import", f"{file}", "--source", f"back-{ending}")
    assert counts(back) == (28, 0, 28, 0, 0)
    there = elsewhere.json("import", f"{file}")
    assert counts(there) == (28, 28, 0, 0, 0)
    again = exported(elsewhere, tmp_path / f"again.{ending}", device=device)
    assert rows(again) == rows(file)
    ledger = {each["source"]: each for each in platform.get("ledger")["sources"]}
    assert ledger[f"back-{ending}"]["readings"] == {"decoded": 28, "stored": 0, "duplicate": 28, "conflict": 0}
    assert ledger[f"back-{ending}"]["balanced"] is True


def test_a_finished_import_that_is_started_again_sends_nothing(platform: Platform, tmp_path: Path):
    file = long_file(tmp_path / "once.csv", 100, "once")
    assert counts(platform.json("import", f"{file}")) == (100, 100, 0, 0, 0)
    received = platform.get("ledger")["total"]["received"]
    again = platform.json("import", f"{file}")
    assert (again["already"], counts(again)) == (True, (100, 100, 0, 0, 0))
    assert b"was imported before" in platform("import", f"{file}").stderr
    assert platform.get("ledger")["total"]["received"] == received


def received(platform: Platform, source: str) -> int:
    """How many readings the log has of an import's source: asked for often, so without a process each time."""
    return sum(each["received"] for each in platform.get("ledger")["sources"] if each["source"] == source)


def import_until(platform: Platform, file: Path, source: str, readings: int) -> "subprocess.Popen[bytes]":
    """An import that has brought in so many readings, and goes on."""
    running = platform.sens.start("import", f"{file}", "--source", source, "--json", SENS_URL=platform.url)
    wait_until(lambda: received(platform, source) >= readings or running.poll() is not None, what="readings to arrive")
    return running


def test_an_import_that_was_killed_goes_on_where_it_was(platform: Platform, tmp_path: Path):
    file = long_file(tmp_path / "killed.csv", LONG, "killed")
    told = b""
    for least in (1, LONG // 4, LONG // 2):
        running = import_until(platform, file, "killed", least)
        running.kill()
        told += running.communicate()[1]
    assert b"going on after" in told
    assert counts(platform.json("import", f"{file}", "--source", "killed")) == (LONG, LONG, 0, 0, 0)


@pytest.mark.parametrize("part", ["platform-api", "telemetry-worker", "nats-server", "postgres"])
def test_nothing_is_lost_or_doubled_when_a_part_is_killed(platform: Platform, tmp_path: Path, part: str):
    file = long_file(tmp_path / "part.csv", LONG, f"by-{part}")
    running = import_until(platform, file, f"without-{part}", LONG // 10)
    os.kill(platform.pid(part), signal.SIGKILL)
    out, err = running.communicate(timeout=100)
    assert running.returncode == 0, err
    assert counts(json.loads(out)) == (LONG, LONG, 0, 0, 0)


BAD = """time,device,metric,value
{good},d,ok,1
yesterday,d,t,1
{good},d,t,NaN
{good},,t,1
{good},d,t,n/a
{good},d,t,
{good},d,t
{good},d\0,t,1
{good},d,fine,2
"""


def test_rows_that_cannot_be_stored_are_shown_before_and_kept_with_their_line(platform: Platform, tmp_path: Path):
    file = tmp_path / "bad.csv"
    file.write_text(BAD.format(good=moment(0)))
    shown = platform.json("import", f"{file}", "--source", "bad", "--dry-run")
    assert (shown["readings"], shown["kinds"], shown["left_out"]) == (8, {"number": 2}, 1)
    expected = [
        (3, "invalid_time"),
        (4, "not_finite"),
        (5, "missing_field"),
        (6, "invalid_value"),
        (8, "invalid_shape"),
        (9, "invalid_name"),
    ]
    assert sorted((each["line"], each["reason"]) for each in shown["problems"]) == expected
    assert "bad" not in {each["source"] for each in platform.get("ledger")["sources"]}
    assert counts(platform.json("import", f"{file}", "--source", "bad")) == (8, 2, 0, 0, 6)
    found = [platform.get(f"quarantine/{each['id']}") for each in platform.get("quarantine?source=bad")["items"]]
    assert sorted((json.loads(each["payload_text"])["line"], each["reason"]) for each in found) == expected


def test_a_dry_run_tells_a_person_what_it_would_do(platform: Platform, tmp_path: Path):
    file = long_file(tmp_path / "seen.csv", 30, "seen")
    told = platform("import", f"{file}", "--dry-run", "--unit", "=m").stdout.decode()
    assert "column device" in told
    assert '"m" in all rows' in told
    assert "30 readings of 10 series (30 number), nothing was sent" in told
    old = tmp_path / "old.csv"
    old.write_text("time,device,metric,value\n2001-01-01T00:00:00Z,d,t,1\n")
    assert b"older than retention.raw" in platform("import", f"{old}", "--dry-run").stderr


def test_what_is_wrong_with_an_import_is_said(platform: Platform, tmp_path: Path):
    file = long_file(tmp_path / "wrong.csv", 3, "wrong")
    other = tmp_path / "other.csv"
    other.write_text("when;what\n1;2\n")
    for arguments, words in [
        ((f"{file}", "--source", "simulator"), b"is read from a broker"),
        ((f"{file}", "--device", "nope"), b"the file has no such column, but: time, device"),
        ((f"{file}", "--time-zone", "Mars/Base"), b"there is no such zone"),
        ((f"{other}",), b"--time COLUMN"),
        ((f"{tmp_path / 'none.csv'}",), b"cannot be read"),
    ]:
        answer = platform("import", *arguments)
        assert answer.returncode in (2, 3), answer.stderr
        assert words in answer.stderr
