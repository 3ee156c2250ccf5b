"""The two sides of the ledger: what shows as pending, and what as lost."""

from hypothesis import given
from hypothesis import strategies as st

from sens.domain.balance import Account, Books, LedgerKey, Tail, balances
from sens.domain.ledger import Balance, MessageCounts, ReadingCounts

KEY = LedgerKey("plant-a", "0", b"epoch--1")
NEXT = LedgerKey("plant-a", "0", b"epoch--2")


def account(settled: int, highest: int = 0, last: int = 0, acknowledged: int = 0) -> Account:
    return Account(MessageCounts(decoded=settled), ReadingCounts(), max(highest, last), last, acknowledged)


def balance(books: dict[LedgerKey, Account], *tails: Tail, acknowledged: int | None = None) -> Balance:
    return balances(Books(books, acknowledged), tails)["plant-a"]


def test_what_is_in_the_log_and_not_in_the_database_is_pending() -> None:
    found = balance({KEY: account(80, 80)}, Tail(KEY, 100, 10), acknowledged=8)
    assert (found.received, found.pending, found.lost, found.balanced) == (100, 20, 0, True)


def test_a_source_that_the_database_does_not_know_yet_is_all_pending() -> None:
    found = balance({}, Tail(KEY, 5, 1), acknowledged=0)
    assert (found.received, found.pending, found.balanced) == (5, 5, True)


def test_a_database_restored_to_an_older_copy_shows_as_lost_once_the_log_has_nothing_more_to_deliver() -> None:
    found = balance({KEY: account(80, 80, 80, 80)}, Tail(KEY, 100, 10), acknowledged=10)
    assert (found.received, found.pending, found.lost, found.balanced) == (100, 0, 20, False)


def test_a_database_restored_to_an_older_copy_shows_as_lost_also_while_messages_come() -> None:
    """Envelopes 81..100 are gone, 101..120 were stored since, 121..130 wait."""
    found = balance({KEY: account(100, 120, last=120, acknowledged=100)}, Tail(KEY, 130, 13), acknowledged=12)
    assert (found.pending, found.lost) == (10, 20)


def test_what_several_workers_store_out_of_order_is_not_lost() -> None:
    """Envelope 9 is stored and envelope 8 is not: only up to 7 everything was acknowledged."""
    found = balance({KEY: account(80, 90, last=70, acknowledged=70)}, Tail(KEY, 100, 10), acknowledged=7)
    assert (found.pending, found.lost, found.balanced) == (20, 0, True)


def test_a_stream_restored_to_an_older_copy_shows_as_lost() -> None:
    found = balance({KEY: account(100, 100, 90, 90)}, Tail(KEY, 90, 9), acknowledged=9)
    assert (found.received, found.lost, found.balanced) == (100, 10, False)


def test_a_stream_restored_to_an_older_copy_shows_as_lost_when_nothing_of_it_was_stored() -> None:
    found = balance({KEY: account(0, highest=100)}, Tail(KEY, 90, 9), acknowledged=0)
    assert (found.received, found.pending, found.lost) == (100, 90, 10)


def test_more_in_the_ledger_than_in_the_log_shows_as_lost() -> None:
    """The stream went back to 90 and on to 110 in the same epoch: 10 of its messages are gone from it."""
    found = balance({KEY: account(120, 110, 110, 120)}, Tail(KEY, 110, 11), acknowledged=11)
    assert (found.lost, found.balanced) == (10, False)


def test_a_stream_that_vanished_loses_what_was_pending() -> None:
    found = balance({KEY: account(60, highest=100)}, acknowledged=0)
    assert (found.received, found.pending, found.lost) == (100, 0, 40)


def test_the_totals_of_a_former_epoch_stay_in_the_sums() -> None:
    books = {KEY: account(100, 100), NEXT: account(30, 30, 30, 30)}
    found = balance(books, Tail(NEXT, 40, 5), acknowledged=4)
    assert (found.received, found.messages.settled, found.pending, found.lost) == (140, 130, 10, 0)


def test_messages_of_a_former_epoch_wait_as_long_as_they_may_come_before_those_of_the_present_one() -> None:
    books = {KEY: account(60, highest=100)}
    assert balance(books, Tail(NEXT, 5, 20), acknowledged=10).lost == 0
    assert balance(books, Tail(NEXT, 5, 20), acknowledged=20).lost == 40 + 5
    books[NEXT] = account(5, 5, last=5, acknowledged=5)
    assert balance(books, Tail(NEXT, 9, 25), acknowledged=20).lost == 40


def test_sources_are_balanced_apart() -> None:
    other = LedgerKey("plant-b", "0", b"epoch--1")
    found = balances(Books({KEY: account(1, 1)}, None), [Tail(KEY, 1, 1), Tail(other, 7, 2)])
    assert {source: (b.received, b.pending) for source, b in found.items()} == {"plant-a": (1, 0), "plant-b": (7, 7)}


@given(st.lists(st.tuples(st.integers(1, 50), st.booleans()), max_size=30), st.integers(0, 30))
def test_nothing_is_lost_whatever_is_stored_of_a_log_that_is_whole(
    envelopes: list[tuple[int, bool]], acknowledged: int
) -> None:
    """Up to `acknowledged` all are stored; behind it, any."""
    total, settled, highest, last, below = 0, 0, 0, 0, 0
    for sequence, (messages, stored) in enumerate(envelopes, 1):
        total += messages
        if sequence <= acknowledged:
            last, below = total, below + messages
        if stored or sequence <= acknowledged:
            settled, highest = settled + messages, total
    books = {KEY: account(settled, highest, last, below)} if settled else {}
    tails = [Tail(KEY, total, len(envelopes))] if envelopes else []
    for found in balances(Books(books, acknowledged), tails).values():
        assert (found.received, found.lost, found.pending) == (total, 0, total - settled)
        assert found.balanced
