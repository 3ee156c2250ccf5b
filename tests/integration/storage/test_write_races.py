"""Workers at the same time, and crashes at any point, store everything exactly once."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from batches import MONDAY, Envelope, Message, batch_of, steady_batch
from database_roles import make_migrated
from sens.domain.batch import Batch
from sens.domain.columns import Int32, Int64
from sens.domain.errors import Retry
from sens.domain.ledger import ReadingCounts
from sens.storage import write as write_module
from sens.storage.errors import DatabaseAway, DatabaseBusy
from sens.storage.locks import ROLLUP_LOCK
from sens.storage.readings import NUMBERS
from sens.storage.times import BUCKET
from sens.storage.write import ReadingWriter, WriteResult
from servers import Postgres
from store import Store, at


def write_until_done(writer: ReadingWriter, batch: Batch) -> WriteResult:
    """As the telemetry worker does."""
    for _ in range(20):
        try:
            return writer.write(batch)
        except DatabaseBusy:
            continue
    raise AssertionError("never done")


def at_once(*work: tuple[ReadingWriter, Batch]) -> list[WriteResult]:
    barrier, results = threading.Barrier(len(work)), dict[int, WriteResult]()

    def run(n: int, writer: ReadingWriter, batch: Batch) -> None:
        barrier.wait(10)
        results[n] = write_until_done(writer, batch)

    threads = [threading.Thread(target=run, args=(n, *pair)) for n, pair in enumerate(work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [results[n] for n in range(len(work))]


def balanced(store: Store) -> bool:
    return all(readings == stored + dup + con for *_, readings, stored, dup, con in store.ledger().values())


def test_one_envelope_in_two_workers_is_stored_by_exactly_one(store: Store) -> None:
    writers = [store.writer() for _ in range(3)]
    for round_ in range(10):
        batch = steady_batch(MONDAY + round_ * 1000, envelopes=3, messages=20)
        results = at_once(*((writer, batch) for writer in writers))
        stored = [id_ for result in results for id_ in result.stored]
        assert sorted(stored) == sorted(entry.id for entry in batch.envelopes)
        assert all(len(result.stored) + len(result.known) == 3 for result in results)
    assert len(store.readings()) == store.one("SELECT sum(readings_stored) FROM ledger") == 10 * 180


def test_batches_that_share_some_envelopes_are_stored_once_in_any_order(store: Store) -> None:
    writers = [store.writer() for _ in range(2)]
    for round_ in range(10):
        envelopes = [Envelope([Message([(1, MONDAY + round_ * 100 + n, 1.0)])]) for n in range(9)]
        one, other = batch_of(*envelopes[:6]), batch_of(*reversed(envelopes[3:]))
        results = at_once((writers[0], one), (writers[1], other))
        assert sum(len(result.stored) for result in results) == 9
    assert len(store.readings()) == len(store.ledger()) == 90


def test_the_same_readings_in_two_workers_are_stored_once_and_the_other_ones_duplicates(store: Store) -> None:
    writers = [store.writer() for _ in range(2)]
    for round_ in range(10):
        start = MONDAY + round_ * 1000
        batches = [steady_batch(start, messages=40), steady_batch(start + 80, messages=40)]  # the half overlaps
        one, other = (result.readings for result in at_once(*zip(writers, batches, strict=True)))
        assert one + other == ReadingCounts(decoded=960, stored=720, duplicate=240)
    assert balanced(store)
    assert len(store.readings()) == 7200


def test_different_values_in_two_workers_are_one_stored_and_one_conflict(store: Store) -> None:
    writers = [store.writer() for _ in range(2)]
    for round_ in range(10):
        batches = [
            batch_of(Envelope([Message([(s, MONDAY + round_, value) for s in range(1, 30)])])) for value in (1.0, 2.0)
        ]
        one, other = (result.readings for result in at_once(*zip(writers, batches, strict=True)))
        assert one + other == ReadingCounts(decoded=58, stored=29, conflict=29)
    assert store.one("SELECT count(*) FROM quarantine WHERE reason = 'conflict'") >= 10


def test_a_crash_between_commit_and_latest_is_mended_by_writing_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = store.writer()
    writer.write(batch_of(Envelope([Message([(1, MONDAY, 1.0), (2, MONDAY, "a")])])))
    batch = batch_of(
        Envelope([Message([(1, MONDAY, 5.0), (1, MONDAY + 1, 2.0), (2, MONDAY + 1, "b"), (3, MONDAY, 9.0)])])
    )

    def crash(*_: object) -> None:
        raise DatabaseAway("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(write_module, "upsert_latest", crash)
        with pytest.raises(DatabaseAway):
            writer.write(batch)
    assert store.latest()[1] == (MONDAY, 1.0)
    result = store.writer().write(batch)
    assert result.known == [batch.envelopes[0].id]
    assert store.latest() == {1: (MONDAY + 1, 2.0), 2: (MONDAY + 1, "b"), 3: (MONDAY, 9.0)}


def test_the_latest_of_a_known_envelope_is_what_is_stored_not_what_was_refused(store: Store) -> None:
    batch = batch_of(Envelope([Message([(1, MONDAY, 2.0)])]))
    store.writer().write(batch_of(Envelope([Message([(1, MONDAY, 1.0)])])))
    store.writer().write(batch)
    store.admin.execute("DELETE FROM series_latest")
    store.writer().write(batch)
    assert store.latest() == {1: (MONDAY, 1.0)}


def test_an_older_latest_written_later_does_not_win(store: Store) -> None:
    writers = [store.writer() for _ in range(2)]
    for round_ in range(10):
        early, late = MONDAY + 2 * round_, MONDAY + 2 * round_ + 1
        batches = [batch_of(Envelope([Message([(s, t, float(t)) for s in range(1, 50)])])) for t in (late, early)]
        at_once(*zip(writers, batches, strict=True))
        assert set(store.latest().values()) == {(late, float(late))}


def test_the_mark_cannot_move_while_a_batch_that_goes_by_it_is_written(store: Store) -> None:
    """The leader holds the lock exclusively, moves the mark, and only then may the writer read it."""
    writer, results = store.writer(), list[WriteResult]()
    batch = batch_of(Envelope([Message([(1, MONDAY, 1.0)])]))
    with store.connect() as leader, leader.transaction():
        leader.execute("SELECT pg_advisory_xact_lock(%s)", (ROLLUP_LOCK,))
        thread = threading.Thread(target=lambda: results.append(writer.write(batch)))
        thread.start()
        time.sleep(0.3)
        assert not results
        leader.execute("UPDATE rollup_mark SET write_until = %s", (at(MONDAY + BUCKET),))
    thread.join(30)
    assert results[0].late_marks == 1


def test_an_envelope_that_another_worker_holds_uncommitted_is_waited_for_and_then_given_up(store: Store) -> None:
    writer, batch = store.writer(), batch_of(Envelope([Message([(1, MONDAY, 1.0)])]))
    writer._connection.execute("SET lock_timeout = '200ms'")
    with store.connect() as other, other.transaction(force_rollback=True):
        other.execute(
            "INSERT INTO ledger VALUES (%s, 1, 's', '', 1, now(), now(), 1, 1, 0, 0, 0, 0, 0, 0)",
            (batch.envelopes[0].id.hex(),),
        )
        with pytest.raises(DatabaseBusy):
            writer.write(batch)
    assert writer.write(batch).readings == ReadingCounts(decoded=1, stored=1)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    server = Postgres(tmp_path / "postgres")
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("after_s", [0.02, 0.05, 0.15])
def test_a_server_killed_in_a_batch_costs_nothing_but_writing_it_again(server: Postgres, after_s: float) -> None:
    make_migrated(server.url())
    store = Store(server.url())
    writer, batches = store.writer(), [steady_batch(MONDAY + n * 8_000, messages=2_000) for n in range(6)]
    writer.write(batches[0])
    killer = threading.Timer(after_s, server.kill)
    killer.start()
    interrupted = None
    for batch in batches[1:]:
        try:
            writer.write(batch)
        except Retry as error:
            interrupted = error
            break
    killer.join()
    assert interrupted is None or isinstance(interrupted, DatabaseAway)
    with pytest.raises(DatabaseAway):
        writer.write(batches[-1])
    server.start()
    writer.use(store.connect())
    store.connection = store.connect()
    for batch in batches:
        writer.write(batch)
    assert store.one("SELECT count(*) FROM reading") == len(batches) * 24_000
    assert store.one("SELECT sum(readings_stored) FROM ledger") == len(batches) * 24_000
    assert len(store.ledger()) == len(batches) * 4
    assert store.latest()[1] == (MONDAY + 6 * 8_000 - 1, 0.0)


def test_a_server_killed_with_a_copy_in_flight_leaves_nothing_of_it(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_migrated(server.url())
    store = Store(server.url())
    writer, first, second = store.writer(), steady_batch(MONDAY), steady_batch(MONDAY + 1000)
    writer.write(first)

    def rows(series: Int32, time: Int64, value: NDArray[Any]) -> bytes:
        server.kill()
        return NUMBERS.rows(series, time, value)

    with monkeypatch.context() as patch:
        patch.setattr(write_module, "NUMBERS", NUMBERS._replace(rows=rows))
        with pytest.raises(DatabaseAway):
            writer.write(second)
    server.start()
    store.connection = store.connect()
    assert len(store.readings()) == 600
    assert len(store.ledger()) == 4
    writer.use(store.connect())
    assert writer.write(second).readings == ReadingCounts(decoded=600, stored=600)


def test_a_new_connection_of_the_same_writer_goes_on(store: Store) -> None:
    writer = store.writer()
    writer.write(steady_batch(MONDAY))
    writer._connection.close()
    batch = steady_batch(MONDAY + 1000)
    with pytest.raises(DatabaseAway):
        writer.write(batch)
    writer.use(store.connect())
    assert writer.write(batch).direct == 600
