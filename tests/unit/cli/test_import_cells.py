"""Cells as times and values: what is meant is read, and what is not clear is refused, never guessed."""

from datetime import date, timedelta
from datetime import time as clock
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sens.cli.importing.cells import Refused, Times, Values
from sens.domain.reasons import Reason

NOON = 1_767_614_400_000_000  # 2026-01-05T12:00:00Z
BERLIN = ZoneInfo("Europe/Berlin")


def times(*cells: object, time_format: str = "auto", zone: str = "UTC") -> list[Any]:
    return [
        each.reason if isinstance(each, Refused) else each for each in Times(time_format, ZoneInfo(zone)).read(cells)
    ]


@pytest.mark.parametrize(
    ("cells", "time_format"),
    [
        (["2026-01-05T12:00:00Z", "2026-01-05T13:00:00+01:00"], "auto"),
        (["2026-01-05 12:00", " 2026-01-05T12:00:00.000Z "], "auto"),
        (["1767614400", "1767614400000"], "auto"),
        ([1767614400, 1767614400], "s"),
        (["1767614400.0", "1767614400"], "s"),
        (["1767614400000000000"], "ns"),
        (["05.01.2026 12:00", "05.01.2026 12:00"], "%d.%m.%Y %H:%M"),
        (["05.01.2026 13:00 +0100"], "%d.%m.%Y %H:%M %z"),
    ],
)
def test_a_time_is_read_however_it_is_written(cells: list[object], time_format: str):
    assert times(*cells, time_format=time_format) == [NOON] * len(cells)


@pytest.mark.parametrize("cell", ["2026-01-05 13:00", "2026-01-05T12:00:00Z", "2026-01-05T13:00:00+01", "1767614400"])
def test_a_zone_holds_for_times_that_bear_none(cell: str):
    assert times(cell, zone="Europe/Berlin") == [NOON]


def test_a_zone_holds_for_patterns_dates_and_clocks_without_one_too():
    assert times("05.01.26 13:00", time_format="%d.%m.%y %H:%M", zone="Europe/Berlin") == [NOON]
    assert times("20260105", time_format="%Y%m%d", zone="Europe/Berlin") == [NOON - 13 * 3_600_000_000]
    assert times("05.01.26 12:00 +0000", time_format="%d.%m.%y %H:%M %z", zone="Europe/Berlin") == [NOON]
    assert times("2026-01-05", zone="Europe/Berlin") == [NOON - 13 * 3_600_000_000]
    assert Times("auto", BERLIN).read_local([NOON + 3_600_000_000]) == [NOON]
    assert Times("auto", BERLIN).read_utc([NOON]) == [NOON]


def test_what_is_no_time_is_refused_with_its_reason():
    assert times("", None, "yesterday", "2026-02-30T00:00:00Z") == [
        Reason.MISSING_FIELD,
        Reason.MISSING_FIELD,
        Reason.INVALID_TIME,
        Reason.INVALID_TIME,
    ]
    assert times("2026-01-05", time_format="%d.%m.%Y") == [Reason.INVALID_TIME]
    assert times("12", time_format="iso8601") == [Reason.INVALID_TIME]


def test_an_hour_that_a_clock_leaves_out_is_refused_and_one_that_comes_twice_is_the_first():
    assert times("2026-03-29 02:30", zone="Europe/Berlin") == [Reason.INVALID_TIME]
    assert times("2026-10-25 02:30", zone="Europe/Berlin") == times("2026-10-25T00:30:00Z")


def values(*cells: Any, kind: Any = "number", decimal: str = ".", kinds: list[str] | None = None) -> list[Any]:
    return Values(kind, decimal).read(cells, kinds)


def test_numbers_are_numbers_and_what_is_none_stays_what_it_is():
    assert values("1", "-0.0", "1e308") == [(1.0, "number"), (-0.0, "number"), (1e308, "number")]
    assert [str(value) for value, _ in values("-0.0", "x")] == ["-0.0", "x"]
    odd = ["1_000", "nan", "-inf", "1,5", "true", ""]
    assert values(*odd) == [*((cell, "number") for cell in odd[:-1]), (None, "number")]
    assert values("1,5", "x", "2", decimal=",") == [(1.5, "number"), ("x", "number"), (2.0, "number")]


def test_where_a_comma_is_the_decimal_sign_a_point_may_stand_for_thousands_and_is_no_number():
    cells = ["1.234", "1.234,5", "1.234.567"]
    assert values(*cells, decimal=",") == [(cell, "number") for cell in cells]


def test_a_cell_of_any_kind_is_what_it_looks_like():
    cells = ["1.5", "TRUE", "false", "open", "nan", ""]
    found = [(1.5, "number"), (True, "boolean"), (False, "boolean"), ("open", "text"), ("nan", "text"), (None, "auto")]
    assert values(*cells, kind="auto") == found


def test_a_column_of_kinds_says_what_each_is():
    cells, kinds = ["1", "1.0", "0.0", "1", "", "", ""], ["number", "boolean", "boolean", "text", "text", "number", ""]
    assert values(*cells, kinds=kinds) == [
        (1.0, "number"),
        (True, "boolean"),
        (False, "boolean"),
        ("1", "text"),
        ("", "text"),
        (None, "number"),
        (None, "number"),
    ]


def test_a_file_that_knows_types_is_believed():
    cells = [True, 3, 2.5, "x", None, float("inf")]
    assert values(*cells, kind="auto") == [
        (True, "boolean"),
        (3.0, "number"),
        (2.5, "number"),
        ("x", "text"),
        (None, "auto"),
        ("inf", "number"),
    ]


def test_what_no_reading_can_be_is_refused_as_no_number():
    assert values([1, 2], {"a": 1}, timedelta(seconds=5), kind="auto") == [
        ("[1, 2]", "number"),
        ("{'a': 1}", "number"),
        ("0:00:05", "number"),
    ]
    assert values(date(2026, 1, 5), clock(1, 2), kind="auto") == [("2026-01-05", "text"), ("01:02:00", "text")]


def test_a_decimal_is_a_time_as_its_digits_say():
    assert times(Decimal("1767614400.00"), Decimal("17676144E+2"), time_format="s") == [NOON, NOON]
