"""The database's side of the ledger: folding hides nothing, and every loss shows."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from readings_database import MONDAY, ReadingsDatabase, at
from sens.domain.balance import LedgerKey, Tail, balances
from sens.domain.ledger import MessageCounts, ReadingCounts
from sens.storage.ledger import fetch_books, fold_ledger, read_books, record_tails, sum_ledger
from sens.storage.reads import Reader

KEY = LedgerKey("plant-a", "0", b"epoch--1")
SUBJECT = ("plant-a", "0")


@pytest.fixture
def database(database_url: str) -> Iterator[ReadingsDatabase]:
    database = ReadingsDatabase(database_url)
    yield database
    database.close()


def add_envelopes(database: ReadingsDatabase, first: int, last: int, received_at: int = MONDAY) -> None:
    """Envelopes with sequences first..last, each with 10 messages: 7 decoded, 2 ignored, 1 quarantined."""
    with database.connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ledger VALUES (%s, %s, '0', %s, %s, %s, now(), %s, 7, 2, 1, 21, 18, 2, 1)",
            [
                (uuid4(), database.source_id, KEY.epoch, sequence, at(received_at), 10 * sequence)
                for sequence in range(first, last + 1)
            ],
        )


def test_accounts_sum_rows_by_session_and_epoch(database: ReadingsDatabase) -> None:
    add_envelopes(database, 1, 4)
    account = read_books(database.leader, 3).accounts[KEY]
    assert account.messages == MessageCounts(28, 8, 4)
    assert account.readings == ReadingCounts(84, 72, 8, 4)
    assert (account.highest_total, account.acknowledged_total, account.acknowledged_settled) == (40, 30, 30)


async def test_the_api_reads_the_same_books(database: ReadingsDatabase) -> None:
    add_envelopes(database, 1, 4)
    async with Reader(database.reader_url) as reader, reader.connection() as connection:
        assert await fetch_books(connection, 3) == read_books(database.leader, 3)


def test_summing_and_folding_change_no_account(database: ReadingsDatabase) -> None:
    add_envelopes(database, 1, 9)
    before = read_books(database.leader, 7)
    assert sum_ledger(database.leader, 7) == 7
    assert read_books(database.leader, 7) == before
    assert fold_ledger(database.leader, {SUBJECT: 6}) == 5
    assert database.one("SELECT count(*) FROM ledger") == 4
    assert read_books(database.leader, 7) == before
    assert (sum_ledger(database.leader, 9), fold_ledger(database.leader, {})) == (2, 4)
    folded = read_books(database.leader, 9).accounts[KEY]
    assert (folded.messages, folded.highest_total) == (before.accounts[KEY].messages, 90)


def test_what_is_not_acknowledged_or_in_the_log_or_open_in_quarantine_is_not_folded(database: ReadingsDatabase) -> None:
    add_envelopes(database, 1, 3)
    database.connection.execute(
        "INSERT INTO quarantine (source_id, envelope_id, position, received_at, topic, payload, reason, detail)"
        " SELECT source_id, envelope_id, 0, received_at, '', '', 'no_route', '' FROM ledger WHERE sequence = 1"
    )
    sum_ledger(database.leader, 2)
    assert fold_ledger(database.leader, {SUBJECT: 2}) == 0
    assert fold_ledger(database.leader, {}) == 1
    assert database.one("SELECT array_agg(sequence ORDER BY sequence) FROM ledger") == [1, 3]
    database.connection.execute("UPDATE quarantine SET state = 2")
    assert fold_ledger(database.leader, {}) == 1


def test_summing_and_folding_are_bounded(database: ReadingsDatabase) -> None:
    add_envelopes(database, 1, 5)
    assert [sum_ledger(database.leader, 5, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert [fold_ledger(database.leader, {}, limit=2) for _ in range(4)] == [2, 2, 1, 0]


def test_a_row_that_a_replay_holds_is_summed_at_the_next_time(database: ReadingsDatabase) -> None:
    add_envelopes(database, 1, 3)
    with database.open_writer() as replaying:
        replaying.execute("SELECT FROM ledger WHERE sequence = 2 FOR UPDATE")
        assert sum_ledger(database.leader, 3) == 2
        assert fold_ledger(database.leader, {}) == 2
    assert (sum_ledger(database.leader, 3), fold_ledger(database.leader, {})) == (1, 1)


def test_recorded_tails_are_never_lowered(database: ReadingsDatabase) -> None:
    unknown = Tail(LedgerKey("elsewhere", "0", b"epoch--1"), 3, 1)
    record_tails(database.leader, [Tail(KEY, 100, 10), unknown])
    record_tails(database.leader, [Tail(KEY, 90, 9)])
    assert {key: a.highest_total for key, a in read_books(database.leader, None).accounts.items()} == {KEY: 100}


def test_a_stream_restored_to_an_older_copy_shows_as_lost(database: ReadingsDatabase) -> None:
    add_envelopes(database, 1, 8)
    record_tails(database.leader, [Tail(KEY, 100, 10)])
    found = balances(read_books(database.leader, 8), [Tail(KEY, 80, 8)])["plant-a"]
    assert (found.received, found.lost, found.balanced) == (100, 20, False)


def test_a_database_restored_to_an_older_copy_shows_as_lost(database: ReadingsDatabase) -> None:
    """Envelopes 6..10 are gone; 11 and 12 were stored since, 13 waits."""
    add_envelopes(database, 1, 5)
    add_envelopes(database, 11, 12)
    for _ in range(2):
        found = balances(read_books(database.leader, 12), [Tail(KEY, 130, 13)])["plant-a"]
        assert (found.received, found.messages.settled, found.pending, found.lost) == (130, 70, 10, 50)
        sum_ledger(database.leader, 12)


def test_the_ledger_is_read_within_a_snapshot_of_its_own(database: ReadingsDatabase) -> None:
    with psycopg.connect(database.url) as other:
        other.execute("INSERT INTO ledger_tail (source_id, session, epoch, total) VALUES (1, '0', 'x', 5)")
        assert read_books(database.leader, None).accounts == {}
