"""Now, and durations, in the unit that everything is counted in."""

import time
from datetime import timedelta


def now_us() -> int:
    """µs since 1970 UTC."""
    return time.time_ns() // 1000


def microseconds(duration: timedelta) -> int:
    """A duration in µs."""
    return duration // timedelta(microseconds=1)
