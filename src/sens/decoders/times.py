"""Times as payloads bear them, turned into int64 µs since 1970 UTC, and the window they must lie in."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, cast

import numpy as np

from sens.decoders.options import show
from sens.decoders.rejecting import reading_counts, reject
from sens.domain.columns import NO_TIME, Decoded, Int64, Rejection
from sens.domain.errors import Reject
from sens.domain.reasons import Reason

TimeFormat = Literal["auto", "s", "ms", "us", "ns", "iso8601"]
TimeParser = Callable[[object], int]

# A number's unit by magnitude: each band holds the years 1973 to 5138 in its own unit, and they do not overlap.
_BELOW_IS_S, _BELOW_IS_MS, _BELOW_IS_US = 100_000_000_000, 100_000_000_000_000, 100_000_000_000_000_000
_US_PER = {"s": 1_000_000, "ms": 1_000, "us": 1}
_MAX_US = int(np.iinfo(np.int64).max)
_MAX_DIGITS = 40
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)

# What fromisoformat takes beside these, and whether it does, depends on the version of Python.
_ISO = re.compile(
    r"(?P<date>[0-9]{4}(?:-[0-9]{2}-[0-9]{2}|[0-9]{4}|-W[0-9]{2}-[0-9]|W[0-9]{3}))"
    r"(?:[T ](?P<time>[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?|[0-9]{2}(?:[0-9]{2}(?:[.,][0-9]+)?)?)?)"
    r"(?: ?(?P<zone>Z|[+-][0-9]{2}(?::?[0-9]{2})?))?)?"
)
_END_OF_DAY = re.compile(r"24(?::?00){0,2}(?:[.,]0+)?")
_DAY = timedelta(days=1)
_USUAL_LINES = re.compile(
    r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})\n)++"
)


def time_parser(time_format: TimeFormat, place: str) -> TimeParser:
    """A function from a payload's value to µs since 1970 UTC.

    `auto` finds the unit of a number by its magnitude and takes ISO 8601 in texts; a text that is a number
    counts as that number. A text without a zone is UTC. Fractions beyond a microsecond are rounded in
    floats and cut in integers and texts.

    Args:
        time_format: how the time is written.
        place: names the field in a rejection.

    Raises (the function returned):
        Reject: INVALID_TIME.
    """

    def invalid(value: object) -> Reject:
        wanted = {"auto": "a number or an ISO 8601 text", "iso8601": "an ISO 8601 text"}
        text = wanted.get(time_format, f"a number of {time_format} since 1970")
        return Reject(Reason.INVALID_TIME, f"{place}: {show(value)} is not {text}")

    def parse(value: object) -> int:
        try:
            if type(value) is int or type(value) is float:
                return number_to_us(value, time_format)
            if type(value) is str:
                return _text_to_us(value, time_format)
        except (ValueError, OverflowError) as error:
            raise invalid(value) from error
        raise invalid(value)

    return parse


def parse_uniform_times(values: Sequence[object], time_format: TimeFormat) -> Int64 | None:
    """The same for many values that are all integers of one unit or all ISO 8601 texts with a zone, faster.

    None where they are not, or one of them is bad: then the parser has to look at each.
    """
    parse = datetime.fromisoformat
    kinds, texts = set(map(type, values)), cast("Sequence[str]", values)
    try:
        if kinds == {int} and time_format != "iso8601":
            return _integers_to_us(np.array(values, np.int64), time_format)
        if kinds == {str} and time_format in ("auto", "iso8601") and _USUAL_LINES.fullmatch("\n".join(texts) + "\n"):
            return np.array([(parse(text) - _EPOCH) // _MICROSECOND for text in texts], np.int64)
    except (ValueError, OverflowError):
        return None  # no such day, beyond 64 bits
    return None


def _integers_to_us(column: Int64, time_format: TimeFormat) -> Int64 | None:
    low, high = int(column.min()), int(column.max())
    unit = time_format
    if time_format == "auto":
        unit = _unit_of(high)
        if low < 0 or _unit_of(low) != unit:
            return None
    if unit == "ns":
        return column // 1_000
    factor = _US_PER[unit]
    return column * factor if max(-low, high) * factor <= _MAX_US else None


def number_to_us(value: float, time_format: TimeFormat) -> int:
    """µs since 1970 of an int or float in the unit that `time_format` names or `auto` finds.

    Raises:
        ValueError: not finite, beyond 64 bits of µs, or the format is for texts.
    """
    unit = _unit_of(value) if time_format == "auto" else time_format
    if unit == "ns":
        us = value // 1_000 if type(value) is int else value / 1_000
    elif unit == "iso8601":
        raise ValueError("a number")
    else:
        us = value * _US_PER[unit]
    if not -_MAX_US <= us <= _MAX_US:  # also when it is NaN
        raise ValueError("beyond 64 bits")
    return us if type(us) is int else min(round(us), _MAX_US)


def _unit_of(value: float) -> Literal["s", "ms", "us", "ns"]:
    magnitude = abs(value)
    if magnitude < _BELOW_IS_S:
        return "s"
    if magnitude < _BELOW_IS_MS:
        return "ms"
    return "us" if magnitude < _BELOW_IS_US else "ns"


def _text_to_us(text: str, time_format: TimeFormat) -> int:
    if time_format == "iso8601" or (time_format == "auto" and text[4:5] == "-"):
        return _iso_to_us(text)
    if len(text) <= _MAX_DIGITS and _NUMBER.fullmatch(text):
        return number_to_us(float(text) if "." in text else int(text), time_format)
    if time_format != "auto":
        raise ValueError("not a number")
    return _iso_to_us(text)


def _iso_to_us(text: str) -> int:
    """µs since 1970 of a date, or date and time, in any case; 24:00 ends the day, without a zone it is UTC.

    Raises:
        ValueError, OverflowError: it is none, or no such day.
    """
    if _USUAL_LINES.fullmatch(f"{text}\n"):
        return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
    found = _ISO.fullmatch(text.upper())
    if found is None:
        raise ValueError("not ISO 8601")
    date, time, zone = found["date"], found["time"] or "00", found["zone"] or "Z"
    if _END_OF_DAY.fullmatch(time):
        return (datetime.fromisoformat(f"{date}T00{time[2:]}{zone}") + _DAY - _EPOCH) // _MICROSECOND
    return (datetime.fromisoformat(f"{date}T{time}{zone}") - _EPOCH) // _MICROSECOND


def check_times(decoded: Decoded, received_at: Int64, oldest_us: int, newest_us: int) -> Decoded:
    """Reject each message that has a reading outside the accepted window.

    Args:
        decoded: N messages.
        received_at: int64[N], µs since 1970 UTC.
        oldest_us: how far before its receive time a reading may lie, in µs.
        newest_us: how far after.
    """
    if decoded.times is None or not decoded.times.size:
        return decoded
    counts = reading_counts(decoded.shapes)
    received = np.repeat(received_at, counts)
    too_old = (decoded.times < received - oldest_us) & (decoded.times != NO_TIME)
    outside = np.flatnonzero(too_old | (decoded.times > received + newest_us))
    if not outside.size:
        return decoded
    messages = np.repeat(np.arange(len(counts)), counts)
    rejections: dict[int, Rejection] = {}
    for at in outside.tolist():
        reason = Reason.TIME_TOO_OLD if too_old[at] else Reason.TIME_TOO_NEW
        time, arrived = np.datetime64(int(decoded.times[at]), "us"), np.datetime64(int(received[at]), "us")
        rejections.setdefault(int(messages[at]), Rejection(reason, f"{time!s}Z, received {arrived!s}Z"))
    return reject(decoded, rejections)
