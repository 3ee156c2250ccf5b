"""Times at the command line: read from options as the API reads them, written in tables. All are µs since 1970 UTC."""

import re
import time
from datetime import UTC, datetime, timedelta

from sens.cli.errors import WrongArgument

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_RELATIVE = re.compile(r"(now)?(?:([+-])(\d{1,6})([smhdw]))?")
_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}


def now() -> int:
    """By this machine's clock."""
    return time.time_ns() // 1000


def iso(moment: int) -> str:
    """RFC 3339 in UTC, with microseconds where there are some."""
    return (_EPOCH + timedelta(microseconds=moment)).isoformat().replace("+00:00", "Z")


def parse_time(text: str, option: str, present: int) -> int:
    """Read a time: RFC 3339 with an offset, `now`, `now-1h`, `-30m`, `+90d`.

    Args:
        text: as given.
        option: its name, for the error.
        present: what `now` means.

    Raises:
        WrongArgument: it is none of these.
    """
    relative = _RELATIVE.fullmatch(text) if text else None
    if relative:
        distance = int(relative[3] or 0) * _UNITS[relative[4] or "s"]
        return present + (distance if relative[2] == "+" else -distance)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise WrongArgument(f"{option} {text!r} has no offset from UTC: add Z, or one such as +02:00")
        return (moment - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        example = "2026-01-05T14:00:00Z, now, now-1h or now-30m (units s, m, h, d, w)"
        raise WrongArgument(f"{option} {text!r} is no time: write for example {example}") from None


def parse_range(start: str, end: str) -> tuple[int, int]:
    """Both ends, by one clock.

    Raises:
        WrongArgument: one of them is no time, or they are the wrong way round.
    """
    present = now()
    times = parse_time(start, "--from", present), parse_time(end, "--to", present)
    if times[0] >= times[1]:
        raise WrongArgument(f"--from ({iso(times[0])}) must lie before --to ({iso(times[1])})")
    return times
