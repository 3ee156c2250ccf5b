import asyncio
import time
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from sens.runtime.backoff import Backoff, pause


def test_delays_double_up_to_the_cap() -> None:
    assert list(islice(Backoff(1.0, 5.0, jitter=lambda: 1.0), 5)) == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_each_loop_starts_again_at_the_first_delay() -> None:
    backoff = Backoff(1.0, 8.0, jitter=lambda: 1.0)
    assert list(islice(backoff, 3)) == list(islice(backoff, 3))


@given(st.floats(0.001, 10), st.floats(0.001, 100), st.integers(1, 50))
def test_no_delay_is_negative_or_above_the_cap(first_s: float, cap_s: float, count: int) -> None:
    assert all(0 <= delay_s <= cap_s for delay_s in islice(Backoff(first_s, cap_s), count))


def test_delays_of_two_clients_differ() -> None:
    assert list(islice(Backoff(), 20)) != list(islice(Backoff(), 20))


async def test_pause_ends_early_when_the_process_is_to_stop() -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, stopping.set)
    started = time.monotonic()
    assert await pause(60, stopping)
    assert time.monotonic() - started < 30
    assert not await pause(0.001, asyncio.Event())
