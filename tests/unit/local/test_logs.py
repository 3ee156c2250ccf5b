import json
from pathlib import Path

import pytest

from sens.local.logs import LogFile


@pytest.fixture
def log(tmp_path: Path) -> LogFile:
    return LogFile(tmp_path, "part", max_bytes=100)


def test_a_new_life_keeps_the_log_of_the_last_one(log: LogFile):
    log.path.write_text("old\n")
    log.rotate()
    with log.open() as file:
        file.write(b"new\n")
    assert log.path.read_text() == "new\n"
    assert log.path.with_name("part.log.1").read_text() == "old\n"


def test_a_log_is_bounded_while_the_part_goes_on_writing(log: LogFile):
    with log.open() as file:
        for round_ in range(5):
            file.write(b"x" * 150 + b"\n")
            file.flush()
            log.bound()
            assert log.path.stat().st_size == 0, round_
        file.write(b"end\n")
    assert log.path.read_text() == "end\n"
    assert log.path.with_name("part.log.1").stat().st_size == 151


def test_a_small_log_is_left_alone(log: LogFile):
    log.path.write_text("x" * 100)
    log.bound()
    assert log.path.stat().st_size == 100


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("one\ntwo\n\n  \n", "two"),
        (
            json.dumps({"event": "failed_to_start", "error": "no database", "level": "error"}),
            "failed_to_start: no database",
        ),
        (json.dumps({"event": "crashed", "exception": "Traceback:\n  x\nValueError: y"}), "crashed: ValueError: y"),
        (json.dumps({"level": "info", "event": "listening"}), ""),
        (json.dumps({"level": "error", "event": "away"}) + "\n" + json.dumps({"level": "info", "event": "x"}), "away"),
        ("[1, 2]", "[1, 2]"),
        ("\xff\xfe{", "\xff\xfe{"),
        ("x" * 100_000, "x" * 300),
    ],
)
def test_the_last_error_tells_a_person_why_a_part_ended(log: LogFile, text: str, said: str):
    log.path.write_text(text)
    assert log.last_error() == said


def test_a_part_that_wrote_nothing_has_no_last_error(log: LogFile):
    assert log.last_error() == ""
