"""Times as clients write them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sens.platform_api.problems import ProblemError
from sens.platform_api.times import DAY, HOUR, NEWEST, SECOND, Unreadable, parse_range, parse_time, rfc3339

NOW = 1_767_571_200_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("now-1h", NOW - HOUR),
        ("-90m", NOW - 90 * 60 * SECOND),
        ("now-2w", NOW - 14 * DAY),
        ("-5s", NOW - 5 * SECOND),
        ("now-3d", NOW - 3 * DAY),
        ("2026-01-05T00:00:00Z", NOW),
        ("2026-01-05T01:30:00+01:30", NOW),
        ("2026-01-05T00:00:00.000001Z", NOW + 1),
        ("1970-01-01T00:00:00Z", 0),
        ("2200-01-01T00:00:00Z", NEWEST),
    ],
)
def test_a_time_is_absolute_or_relative_to_now(text: str, expected: int) -> None:
    assert parse_time(text, NOW) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no time"),
        ("tomorrow", "write for example"),
        ("now+1h", "is no time"),
        ("1h", "is no time"),
        ("now-1y", "units s, m, h, d, w"),
        ("2026-01-05", "has no offset"),
        ("2026-01-05T00:00:00 02:00", "%2B"),
        ("1969-12-31T23:59:59Z", "outside of 1970 to 2200"),
        ("9999-12-31T23:59:59-23:59", "outside of 1970 to 2200"),
        ("0001-01-01T00:00:00+23:59", "outside of 1970 to 2200"),
        ("now-999999w", "outside of 1970 to 2200"),
    ],
)
def test_what_is_no_time_is_explained(text: str, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        parse_time(text, NOW)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_explained(text: str) -> None:
    moment = None
    with suppress(Unreadable):
        moment = parse_time(text, NOW)
    assert moment is None or 0 <= moment <= NEWEST


@given(st.integers(0, NEWEST))
def test_what_is_shown_is_read_as_the_same_time(moment: int) -> None:
    assert parse_time(rfc3339(moment), NOW) == moment


def test_a_range_runs_forward() -> None:
    start, end = parse_range("now-1h", "now")
    assert end - start == HOUR
    with pytest.raises(ProblemError, match="must lie before"):
        parse_range("now", "now")
