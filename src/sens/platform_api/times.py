"""Times as clients write them: RFC 3339, or relative to now."""

import re
import time
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

from fastapi import Query
from pydantic import AfterValidator

from sens.platform_api.problems import invalid
from sens.storage.times import microseconds, timestamp

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
_RELATIVE = re.compile(r"(?:now)?(?:-(\d{1,6})(s|m|h|d|w))?")
_UNITS = {"s": SECOND, "m": 60 * SECOND, "h": HOUR, "d": DAY, "w": 7 * DAY}
_OLDEST = 0
MAX_TIME_ZONE = 64
NEWEST = microseconds(datetime(2200, 1, 1, tzinfo=UTC))
_EXAMPLES = "write for example 2026-01-05T14:00:00Z, now, now-1h or -30m (units s, m, h, d, w)"
# Not all that PostgreSQL takes: -5, Foo/Bar99 and Etc/GMT+14 are offsets to it, and CET is one without summer time.
_TIME_ZONE = r"^(UTC|Etc/GMT(\+([0-9]|1[0-2])|-([0-9]|1[0-4]))|[A-Za-z_]+(/[A-Za-z_-]+){1,2})$"


class Unreadable(ValueError):
    """The text is no time; the message says what to write."""


class TimeRange(NamedTuple):
    """[start, end) in µs since 1970 UTC."""

    start: int
    end: int


def parse_time(text: str, now: int) -> int:
    """µs since 1970 UTC.

    Args:
        text: RFC 3339 with an offset, or `now`, `now-1h`, `-1h`.
        now: µs since 1970 UTC.

    Raises:
        Unreadable: it is neither, or lies before 1970 or after 2200.
    """
    relative = _RELATIVE.fullmatch(text) if text else None
    if relative:
        return _bounded(now - int(relative[1] or 0) * _UNITS[relative[2] or "s"], text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        # A + in a query is a space.
        hint = "; write + as %2B in a URL" if " " in text.strip() else ""
        raise Unreadable(f"{text[:40]!r} is no time: {_EXAMPLES}{hint}") from error
    if moment.tzinfo is None:
        raise Unreadable(f"{text!r} has no offset from UTC: add Z, or one such as +02:00 (%2B02:00 in a URL)")
    return _bounded(microseconds(moment), text)


def _bounded(moment: int, text: str) -> int:
    if not _OLDEST <= moment <= NEWEST:
        raise Unreadable(f"{text[:40]!r} lies outside of 1970 to 2200")
    return moment


def parse_moment(text: str, place: str, now: int) -> int:
    """As `parse_time`, of what a client wrote at `place`.

    Raises:
        ProblemError: it is no time.
    """
    try:
        return parse_time(text, now)
    except Unreadable as error:
        raise invalid(place, str(error)) from error


def parse_range(from_: str, to: str, place: str = "query") -> TimeRange:
    """Both ends, by one clock.

    Raises:
        ProblemError: one of them is no time, or they are the wrong way round.
    """
    now = time.time_ns() // 1000
    start, end = parse_moment(from_, f"{place}.from", now), parse_moment(to, f"{place}.to", now)
    if start >= end:
        raise invalid(f"{place}.from", f"from ({rfc3339(start)}) must lie before to ({rfc3339(end)})")
    return TimeRange(start, end)


def time_range(
    from_: Annotated[
        str,
        Query(alias="from", max_length=40, description=f"First moment; {_EXAMPLES}.", examples=["now-1h"]),
    ] = "now-1h",
    to: Annotated[str, Query(max_length=40, description="Moment before which it ends.", examples=["now"])] = "now",
) -> TimeRange:
    """The query's `from` and `to`."""
    return parse_range(from_, to)


def _time_zone(text: str) -> str:
    if len(text) > MAX_TIME_ZONE or not re.fullmatch(_TIME_ZONE, text):
        raise ValueError("write UTC, or an IANA name of an area and a place such as Europe/Berlin")
    return text


TimeZone = Annotated[
    str,
    Query(
        description="UTC, or an IANA name of an area and a place.",
        examples=["Europe/Berlin"],
        json_schema_extra={"pattern": _TIME_ZONE, "maxLength": MAX_TIME_ZONE},
    ),
    AfterValidator(_time_zone),
]
"""By whose clock hours and days begin."""


def rfc3339(moment: int) -> str:
    """µs since 1970 UTC as text, with µs where there are some."""
    return timestamp(moment).isoformat().replace("+00:00", "Z")
