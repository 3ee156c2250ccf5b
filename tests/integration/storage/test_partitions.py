"""Partitions are there when they are needed, also for several workers at once, and go when their time is over."""

import re
import threading
from itertools import pairwise

import numpy as np
import pytest
from psycopg import sql

from batches import MONDAY, Envelope, Message, batch_of
from sens.storage.errors import DataRefused, PartitionMissing
from sens.storage.kinds import BIG_TABLES, DAY, BigTable, StorageKind, storage_kind
from sens.storage.partitions import drop_partitions_before, ensure_partitions, make_partitions_ahead
from store import Store

WEEK = 7 * DAY


def is_plain(store: Store) -> bool:
    return storage_kind(store.connection) is StorageKind.PLAIN


def pieces(store: Store, table: str = "reading") -> int:
    """Partitions or chunks."""
    if is_plain(store):
        return store.one("SELECT count(*) FROM pg_inherits WHERE inhparent = %s::text::regclass", table)
    return store.one("SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = %s", table)


def test_readings_of_any_time_find_a_partition(store: Store) -> None:
    times = [-62_000_000_000_000_000, 0, MONDAY - 1, MONDAY, MONDAY + WEEK, 250_000_000_000_000_000]
    store.writer().write(batch_of(Envelope([Message([(1, t, 1.0), (2, t, "x")]) for t in times])))
    assert [time for _, time, _ in store.readings()] == times
    assert [time for _, time, _ in store.readings("reading_text")] == times
    if is_plain(store):
        assert pieces(store) == pieces(store, "reading_text") == len(times)


def test_partitions_are_made_once_by_workers_at_the_same_time(store: Store) -> None:
    made, times = list[int](), MONDAY + np.arange(12, dtype=np.int64) * WEEK

    def work() -> None:
        with store.connect() as connection:
            made.append(ensure_partitions(connection, "reading", times))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(made) == 4
    assert sum(made) == pieces(store) == (12 if is_plain(store) else 0)


def test_making_a_partition_does_not_wait_for_writers_or_readers(store: Store) -> None:
    ensure_partitions(store.connection, "reading", [MONDAY])
    with store.connect() as other, other.transaction():
        other.execute("INSERT INTO reading VALUES (1, to_timestamp(%s), 1)", (MONDAY / 1e6,))
        store.connection.execute("SET lock_timeout = '500ms'")
        made = ensure_partitions(store.connection, "reading", [MONDAY + WEEK])
    assert made == (1 if is_plain(store) else 0)


def test_the_next_partitions_of_every_table_are_made_ahead(store: Store) -> None:
    assert make_partitions_ahead(store.connection, MONDAY, 2) == (3 * len(BIG_TABLES) if is_plain(store) else 0)
    assert make_partitions_ahead(store.connection, MONDAY + 1, 2) == 0


@pytest.mark.parametrize("name", ["reading_p20200107", "reading_p20209999", "reading_p202013", "reading_old"])
def test_a_partition_that_a_person_made_in_another_way_is_left_alone(store: Store, name: str) -> None:
    if not is_plain(store):
        pytest.skip("a hypertable has no partitions that a person makes")
    store.admin.execute(
        sql.SQL("CREATE TABLE {} PARTITION OF reading FOR VALUES FROM ('2020-01-07') TO ('2020-01-08')").format(
            sql.Identifier(name)
        )
    )
    assert drop_partitions_before(store.connection, "reading", MONDAY) == ([], 0)
    assert pieces(store) == 1


def test_dropping_takes_whole_partitions_before_a_time_and_no_reading_after_it(store: Store) -> None:
    weeks = [Message([(1, MONDAY + week * WEEK + offset, 1.0)]) for week in range(4) for offset in (0, WEEK - 1)]
    store.writer().write(batch_of(Envelope(weeks)))
    # Chunks of a hypertable start on Thursdays.
    assert drop_partitions_before(store.connection, "reading", MONDAY + 2 * DAY) == ([], 0)
    assert len(drop_partitions_before(store.connection, "reading", MONDAY + 2 * WEEK).names) == 2
    left = [time for _, time, _ in store.readings()]
    assert left == [t for t in (MONDAY + w * WEEK + o for w in range(4) for o in (0, WEEK - 1)) if t >= left[0]]
    assert left[0] <= MONDAY + 2 * WEEK
    assert drop_partitions_before(store.connection, "reading", MONDAY + 2 * WEEK) == ([], 0)


def test_a_drop_does_not_wait_long_for_a_reader(store: Store) -> None:
    store.writer().write(batch_of(Envelope([Message([(1, MONDAY, 1.0)])])))
    with store.connect() as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM reading")
        assert drop_partitions_before(store.connection, "reading", MONDAY + 8 * WEEK) == ([], 1)
    assert len(drop_partitions_before(store.connection, "reading", MONDAY + 8 * WEEK).names) == 1


def test_a_partition_dropped_behind_a_writers_back_is_made_again(store: Store) -> None:
    writer, late = store.writer(), batch_of(Envelope([Message([(1, MONDAY + 5, 1.0)])]))
    writer.write(batch_of(Envelope([Message([(1, MONDAY, 1.0)])])))
    drop_partitions_before(store.connection, "reading", MONDAY + 8 * WEEK)
    if is_plain(store):
        with pytest.raises(PartitionMissing):
            writer.write(late)
    writer.write(late)
    assert store.readings() == [(1, MONDAY + 5, 1.0)]


def test_a_time_that_no_calendar_has_is_refused_as_data(store: Store) -> None:
    with pytest.raises(DataRefused):
        ensure_partitions(store.connection, "reading", [2**62])


@pytest.mark.parametrize("table", BIG_TABLES.values(), ids=list(BIG_TABLES))
def test_partitions_touch_each_other(store: Store, table: BigTable) -> None:
    assert store.admin.execute("SELECT partition_days(%s)", (table.name,)).fetchone() == (table.days,)
    times = [MONDAY + n * table.width for n in range(-3, 3)]
    ensure_partitions(store.connection, table.name, times)
    if is_plain(store):
        bounds = store.connection.execute(
            "SELECT pg_get_expr(relpartbound, c.oid) FROM pg_class c JOIN pg_inherits ON inhrelid = c.oid"
            " WHERE inhparent = %s::text::regclass ORDER BY relname",
            (table.name,),
        ).fetchall()
        edges = [re.findall("'(.*?)'", str(bound)) for (bound,) in bounds]
        assert len(edges) == 6
        assert all(one[1] == next_one[0] for one, next_one in pairwise(edges))
