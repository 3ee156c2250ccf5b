"""Every message and every reading ends as exactly one thing, and what does not add up shows."""

from hypothesis import given
from hypothesis import strategies as st

from sens.domain.ledger import Balance, MessageCounts, ReadingCounts

counts = st.integers(0, 2**40)
messages = st.builds(MessageCounts, counts, counts, counts)
readings = st.builds(
    lambda stored, duplicate, conflict: ReadingCounts(stored + duplicate + conflict, stored, duplicate, conflict),
    counts,
    counts,
    counts,
)
balances = st.builds(
    lambda pending, settled, read: Balance(settled.settled + pending, settled, read), counts, messages, readings
)


@given(balances)
def test_what_adds_up_is_balanced_and_the_rest_is_pending(balance: Balance) -> None:
    settled = balance.messages.decoded + balance.messages.ignored + balance.messages.quarantined
    assert balance.balanced
    assert balance.received == settled + balance.pending


@given(balance=balances, lost=st.integers(1, 2**40))
def test_a_lost_message_is_not_pending_and_unbalances(balance: Balance, lost: int) -> None:
    worse = Balance(balance.received + lost, balance.messages, balance.readings, lost)
    assert worse.pending == balance.pending
    assert not worse.balanced


@given(balance=balances, more=st.integers(1, 2**40))
def test_more_settled_than_received_unbalances(balance: Balance, more: int) -> None:
    assert not Balance(balance.messages.settled - more, balance.messages, balance.readings).balanced


@given(balance=balances, off=st.integers(1, 2**40))
def test_a_reading_that_ended_as_nothing_unbalances(balance: Balance, off: int) -> None:
    read = balance.readings
    missing = ReadingCounts(read.decoded + off, read.stored, read.duplicate, read.conflict)
    assert not Balance(balance.received, balance.messages, missing).balanced


@given(balances, balances, balances)
def test_sources_sum_up_in_any_order(one: Balance, two: Balance, three: Balance) -> None:
    nothing = Balance(0, MessageCounts(), ReadingCounts())
    total = one + two + three
    assert total == three + (two + one)
    assert total + nothing == total
    assert total.balanced
    assert total.pending == one.pending + two.pending + three.pending


def test_counts_add_field_by_field() -> None:
    assert MessageCounts(1, 2, 3) + MessageCounts(10, 20, 30) == MessageCounts(11, 22, 33)
    assert ReadingCounts(6, 1, 2, 3) + ReadingCounts(60, 10, 20, 30) == ReadingCounts(66, 11, 22, 33)
