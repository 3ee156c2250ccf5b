import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sens.cli.output import print_csv, print_json, print_table, printable, shown


def test_a_table_elsewhere_than_at_a_terminal_is_a_line_a_row(capsys: pytest.CaptureFixture[str]):
    print_table(["name", "count"], [["a" * 300, 1], ["b", 1234]])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [["name", "count"], ["a" * 300, "1"], ["b", "1234"]]
    assert len({len(line) for line in lines}) == 1  # numbers end together


def test_an_empty_table_has_its_heading(capsys: pytest.CaptureFixture[str]):
    print_table(["name", "count"], [])
    assert capsys.readouterr().out.split() == ["name", "count"]


def test_brackets_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]):
    print_table(["topic"], [["[red]x[/red]"]])
    assert "[red]x[/red]" in capsys.readouterr().out


@given(st.text())
def test_nothing_that_is_printed_can_steer_a_terminal(text: str):
    assert printable(text).isprintable()


def test_json_is_ascii(capsys: pytest.CaptureFixture[str]):
    print_json({"device": "Küche\x1b"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert "\x1b" not in out
    assert json.loads(out) == {"device": "Küche\x1b"}


def test_csv_quotes_what_it_must_and_leaves_empty_what_is_none(capsys: pytest.CaptureFixture[str]):
    print_csv([["time", "value"], ["2026-01-01T00:00:00Z", None], ['a,"b"', 1.5], ["", True]])
    assert capsys.readouterr().out == 'time,value\r\n2026-01-01T00:00:00Z,\r\n"a,""b""",1.5\r\n,true\r\n'


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (True, "true"), (False, "false"), (0.1 + 0.2, "0.3"), (12, "12"), ("x", "x")]
)
def test_values_are_shown_short(value: object, text: str):
    assert shown(value) == text
