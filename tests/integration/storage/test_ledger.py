"""The database's side of the ledger: folding hides nothing, and every loss shows."""

import threading
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from readings_database import DAY, MONDAY, ReadingsDatabase, at
from sens.domain.balance import LedgerKey, Tail, balances
from sens.domain.ledger import MessageCounts, ReadingCounts
from sens.storage.ledger import fetch_books, fold_ledger, read_books, record_tails
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
    async with Reader(database.url) as reader, reader.connection() as connection:
        assert await fetch_books(connection, 3) == read_books(database.leader, 3)


def test_folding_changes_no_account(database: ReadingsDatabase) -> None:
    add_envelopes(database, 1, 9)
    before = read_books(database.leader, 9)
    assert fold_ledger(database.leader, MONDAY + DAY, {SUBJECT: 6}) == 5
    assert database.one("SELECT count(*) FROM ledger") == 4
    assert read_books(database.leader, 9) == before
    assert fold_ledger(database.leader, MONDAY + DAY, {}) == 4
    folded = read_books(database.leader, 9).accounts[KEY]
    assert (folded.messages, folded.highest_total) == (before.accounts[KEY].messages, 90)


def test_rows_within_the_replay_window_and_rows_with_open_quarantine_are_not_folded(database: ReadingsDatabase) -> None:
    add_envelopes(database, 1, 1, MONDAY)
    add_envelopes(database, 2, 2, MONDAY + 2 * DAY)
    database.connection.execute(
        "INSERT INTO quarantine (source_id, envelope_id, position, received_at, topic, payload, reason, detail)"
        " SELECT source_id, envelope_id, 0, received_at, '', '', 'no_route', '' FROM ledger WHERE sequence = 1"
    )
    assert fold_ledger(database.leader, MONDAY + DAY, {}) == 0
    database.connection.execute("UPDATE quarantine SET state = 2")
    assert fold_ledger(database.leader, MONDAY + DAY, {}) == 1


def test_folding_is_bounded(database: ReadingsDatabase) -> None:
    add_envelopes(database, 1, 5)
    assert [fold_ledger(database.leader, MONDAY + DAY, {}, limit=2) for _ in range(4)] == [2, 2, 1, 0]


def test_no_reader_ever_sees_a_sum_change_while_rows_are_folded(database: ReadingsDatabase) -> None:
    add_envelopes(database, 1, 300)
    expected = read_books(database.connection, None).accounts[KEY].messages
    done = threading.Event()

    def fold() -> None:
        while fold_ledger(database.leader, MONDAY + DAY, {}, limit=7):
            pass
        done.set()

    thread = threading.Thread(target=fold)
    thread.start()
    seen = set[MessageCounts]()
    while not done.is_set():
        seen.add(read_books(database.connection, None).accounts[KEY].messages)
    thread.join()
    assert seen == {expected}


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
    found = balances(read_books(database.leader, 12), [Tail(KEY, 130, 13)])["plant-a"]
    assert (found.received, found.messages.settled, found.pending, found.lost) == (130, 70, 10, 50)


def test_the_ledger_is_read_within_a_snapshot_of_its_own(database: ReadingsDatabase) -> None:
    with psycopg.connect(database.url) as other:
        other.execute("INSERT INTO ledger_tail (source_id, session, epoch, total) VALUES (1, '0', 'x', 5)")
        assert read_books(database.leader, None).accounts == {}
