"""Jittered exponential back-off: many clients that lost one server do not come back in step."""

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_RANDOM = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Backoff:
    """Endless delays, `for delay_s in Backoff(): ...`; each loop over it starts again at the first.

    Full jitter: delay n is uniform between 0 and min(cap_s, first_s * 2**n).

    Attributes:
        first_s, cap_s: upper bound of the first delay and of all, in seconds. What fails again and again works in
            between, and what is back is not left alone for long.
        jitter: uniform in [0, 1); a test gives its own.
    """

    first_s: float = 0.2
    cap_s: float = 10.0
    jitter: Callable[[], float] = _RANDOM.random

    def __iter__(self) -> Iterator[float]:
        bound_s = self.first_s
        while True:
            yield min(bound_s, self.cap_s) * self.jitter()
            bound_s = min(bound_s * 2, self.cap_s)


async def pause(delay_s: float, stopping: asyncio.Event) -> bool:
    """Sleep for `delay_s`, or until `stopping` is set. Returns whether it is set."""
    try:
        await asyncio.wait_for(stopping.wait(), delay_s)
    except TimeoutError:
        return False
    return True
