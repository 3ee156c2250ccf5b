import pytest
from hypothesis import given
from hypothesis import strategies as st

from sens.simulator.pacing import TokenBucket


def test_a_bucket_begins_empty_and_fills_at_its_rate():
    bucket = TokenBucket(rate=100, now=5.0)
    assert bucket.take(5.0, limit=1000) == 0
    assert bucket.take(5.125, limit=1000) == 12


def test_a_pause_is_not_made_good_in_one_burst():
    assert TokenBucket(rate=100, now=0.0, burst_s=0.25).take(60.0, limit=1000) == 26


def test_a_rate_below_one_a_burst_still_sends():
    bucket = TokenBucket(rate=0.1, now=0.0)
    assert bucket.take(9.0, limit=10) == 0
    assert bucket.wait_s(most=5.0) == pytest.approx(1.0)
    assert bucket.take(10.0, limit=10) == 1


def test_tokens_beyond_the_limit_are_kept():
    bucket = TokenBucket(rate=100, now=0.0)
    assert bucket.take(0.1, limit=4) == 4
    assert bucket.take(0.1, limit=1000) == 6


@given(st.floats(0.5, 1e5), st.lists(st.floats(0.001, 0.2), min_size=1, max_size=200))
def test_never_more_than_the_rate_and_with_steady_ticks_no_less(rate: float, ticks: list[float]):
    bucket, now, taken = TokenBucket(rate, 0.0), 0.0, 0
    for tick in ticks:
        now += tick
        taken += bucket.take(now, limit=10**9)
    assert rate * now - 1.001 <= taken <= rate * now + 0.001
