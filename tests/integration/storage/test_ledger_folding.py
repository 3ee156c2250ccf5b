"""Rows leave the ledger when their envelopes are purged; the books stay exact, and nothing counts twice."""

import random
import threading
from collections.abc import Callable, Iterator, Sequence

import psycopg
import pytest

from batches import EPOCH_ID, Envelope, Message, batch_of
from readings_database import MINUTE, MONDAY, ReadingsDatabase, at
from sens.domain.balance import Account, LedgerKey, Tail, balances
from sens.domain.batch import Batch
from sens.domain.reasons import Reason
from sens.storage.connection import connect
from sens.storage.last_times import LastTimes
from sens.storage.ledger import fold_ledger, read_books, sum_ledger
from sens.storage.queries import load
from sens.storage.replay import Replayed, replay
from sens.storage.write import ReadingWriter

KEY = LedgerKey("plant-a", "exclusive", EPOCH_ID)
SUBJECT = ("plant-a", "exclusive")
MESSAGES = 5
Step = Callable[[random.Random], None]


@pytest.fixture
def database(database_url: str) -> Iterator[ReadingsDatabase]:
    database = ReadingsDatabase(database_url)
    yield database
    database.close()


def writer(database: ReadingsDatabase) -> ReadingWriter:
    return ReadingWriter(connect(database.writer_url, application_name="test writer", autocommit=True), LastTimes())


def envelope(number: int, *, mended: bool = False, received_at: int | None = None, first: int = 0) -> Envelope:
    """Envelope `number` of its subject, its last message in quarantine unless the decoder was mended."""
    at = MONDAY + number * MINUTE + first
    messages = [Message([(1, at + n, float(n))]) for n in range(MESSAGES)]
    if not mended:
        messages[-1] = Message(refused=(Reason.INVALID_SYNTAX, "no"))
    id_ = (first << 32 | number).to_bytes(16, "big")
    return Envelope(messages, 1, id_, number, received_at or at, number * MESSAGES)


def batch(first: int, last: int, *, mended: bool = True) -> Batch:
    return batch_of(*(envelope(number, mended=mended) for number in range(first, last + 1)))


def account(database: ReadingsDatabase) -> Account:
    return read_books(database.connection, 10).accounts[KEY]


def test_a_folded_envelope_that_is_delivered_again_is_known(database: ReadingsDatabase) -> None:
    whole = batch(1, 4)
    writer(database).write(whole)
    sum_ledger(database.leader, 4)
    assert fold_ledger(database.leader, {SUBJECT: 3}) == 2
    before = account(database)
    for again in (batch(1, 2), whole):
        result = writer(database).write(again)
        assert (result.stored, len(result.known)) == ([], len(again.envelopes))
    assert account(database) == before
    found = balances(read_books(database.leader, 4), [Tail(KEY, 4 * MESSAGES, 4)])["plant-a"]
    assert (found.received, found.lost, found.balanced) == (4 * MESSAGES, 0, True)


def test_a_folded_envelope_is_left_out_of_a_replay(database: ReadingsDatabase) -> None:
    writer(database).write(batch(1, 4))
    sum_ledger(database.leader, 4)
    fold_ledger(database.leader, {SUBJECT: 3})
    before = account(database)
    assert replay(database.connection, batch(1, 4)) == Replayed(0, 2 * MESSAGES, 0, 0)
    assert replay(database.connection, batch(1, 2)) == Replayed(0, 0, 0, 0)
    assert account(database) == before


def test_new_messages_whose_numbers_were_given_before_the_log_went_back_are_stored(database: ReadingsDatabase) -> None:
    writer(database).write(batch(1, 6))
    sum_ledger(database.leader, 6)
    fold_ledger(database.leader, {SUBJECT: 6})
    # The log was restored to a copy that ends with envelope 2; envelope 3 is another one now.
    new = envelope(3, mended=True, received_at=MONDAY + 60 * MINUTE, first=7 * MINUTE * 60)
    assert len(writer(database).write(batch_of(new)).stored) == 1
    assert account(database).readings.stored == database.one("SELECT count(*) FROM reading") == 7 * MESSAGES


def test_what_the_database_lost_can_be_brought_back_although_what_came_after_is_folded(
    database: ReadingsDatabase,
) -> None:
    for part in (batch(1, 2), batch(5, 6)):
        writer(database).write(part)
    sum_ledger(database.leader, 6)
    assert fold_ledger(database.leader, {}) == 4
    # A copy of the log from before the purge has all of them.
    assert replay(database.connection, batch(1, 6)).stored == 2 * MESSAGES
    found = balances(read_books(database.leader, 6), [Tail(KEY, 6 * MESSAGES, 6)])["plant-a"]
    assert (found.received, found.messages.settled, found.lost) == (6 * MESSAGES, 6 * MESSAGES, 0)


def test_a_replay_of_summed_rows_counts_what_they_come_to_then(database: ReadingsDatabase) -> None:
    writer(database).write(batch(1, 3, mended=False))
    sum_ledger(database.leader, 3)
    assert replay(database.connection, batch(1, 3)).stored == 3
    for _ in range(2):
        found = account(database)
        assert (found.messages.decoded, found.messages.quarantined, found.readings.stored) == (15, 0, 15)
        assert (found.acknowledged_total, found.acknowledged_settled) == (15, 15)
        sum_ledger(database.leader, 3)


def test_the_books_are_exact_at_any_moment_while_all_of_it_happens(database: ReadingsDatabase) -> None:
    """A writer, redeliveries, replays by changing decoders and a leader that sums, purges and folds; the books
    are compared with the tables in one snapshot each time."""
    race = Race(database)
    threads = [threading.Thread(target=race.repeat, args=(step, seed)) for seed, step in enumerate(race.steps())]
    for thread in threads:
        thread.start()
    try:
        with psycopg.connect(database.url) as reader:
            reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            while race.written < 300 and not race.failures:
                race.compare(reader)
    finally:
        race.done.set()
        for thread in threads:
            thread.join(30)
    assert not race.failures
    assert race.compared > 20
    assert race.folded > 0


class Race:
    def __init__(self, database: ReadingsDatabase) -> None:
        self.database = database
        self.done = threading.Event()
        self.failures = list[BaseException]()
        self.written = self.folded = self.compared = 0

    def steps(self) -> Sequence[Step]:
        write, again = writer(self.database), writer(self.database)
        replaying = connect(self.database.writer_url, application_name="test replay", autocommit=True)

        def write_next(chance: random.Random) -> None:
            size = chance.randrange(1, 4)
            write.write(batch(self.written + 1, self.written + size, mended=chance.random() < 0.7))
            self.written += size

        def some(chance: random.Random) -> tuple[int, int]:
            first = chance.randrange(max(1, self.written - 30), self.written + 1)
            return first, min(first + 3, self.written)

        def redeliver(chance: random.Random) -> None:
            if self.written:
                again.write(batch(*some(chance)))

        def replay_some(chance: random.Random) -> None:
            if self.written:
                replay(replaying, batch(*some(chance), mended=chance.random() < 0.7))

        def lead(chance: random.Random) -> None:
            floor = self.written
            sum_ledger(self.database.leader, floor, limit=chance.randrange(1, 10))
            self.folded += fold_ledger(self.database.leader, {SUBJECT: max(1, floor - 10)}, limit=3)

        return write_next, redeliver, replay_some, lead

    def repeat(self, step: Step, seed: int) -> None:
        chance = random.Random(seed)
        try:
            while not self.done.is_set():
                step(chance)
        except BaseException as error:
            self.failures.append(error)

    def compare(self, reader: psycopg.Connection[tuple[object, ...]]) -> None:
        with reader.transaction():
            books = read_books(reader, None).accounts.get(KEY)
            row = reader.execute("SELECT (SELECT count(*) FROM reading)").fetchone()
            since = {"since": at(0), "tenant_id": None, "limit": 1_000_000}
            chart = reader.execute(load("overview")["intake"], since).fetchall()
        if books is None or row is None:
            return
        assert sum(int(str(messages)) for _, messages, _ in chart) == books.messages.settled
        assert sum(int(str(readings)) for _, _, readings in chart) == row[0]
        assert books.readings.stored == row[0]
        assert books.messages.settled == books.highest_total
        assert books.readings.balanced
        self.compared += 1
