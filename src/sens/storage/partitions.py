"""Partitions and chunks of the big tables: made on demand and ahead of time, dropped when their time is over.

TimescaleDB makes its chunks by itself; there, only dropping is ours. A native partition is named after
the UTC day it starts on (`reading_p20260105`); its bounds follow from that and the table's width.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple, cast

import numpy as np
import psycopg

from sens.domain.columns import NEWEST_TIME, OLDEST_TIME, Int64
from sens.storage.connection import Connection
from sens.storage.errors import DataRefused, translated
from sens.storage.kinds import BIG_TABLES, DAY, BigTable, StorageKind, storage_kind
from sens.storage.locks import PARTITION_LOCK
from sens.storage.queries import load
from sens.storage.times import microseconds, timestamp

# Partitions start on Mondays: the first after 1970-01-01.
_ANCHOR = date(1970, 1, 5)
_ANCHOR_TIME = 4 * DAY
# A drop that waits for a reader makes every query behind it wait.
DROP_LOCK_TIMEOUT_MS = 100
_SQL = load("partitions")


class KnownPartitions:
    """The partitions that a writer has seen, so that a batch is checked without a query."""

    def __init__(self) -> None:
        self._known: dict[str, set[int]] = {}

    def missing(self, table: str, times: Int64) -> Int64:
        """A time in each partition of `table` that `times` fall into and that was not seen yet."""
        width = BIG_TABLES[table].width
        known = self._known.setdefault(table, set())
        first, last = (int(edge - _ANCHOR_TIME) // width for edge in (times.min(), times.max()))
        numbers = [first] if first == last else np.unique((times - _ANCHOR_TIME) // width).tolist()
        return np.array([n * width + _ANCHOR_TIME for n in numbers if n not in known], np.int64)

    def remember(self, table: str, times: Int64) -> None:
        """Note that the partitions that `times` fall into are there."""
        width = BIG_TABLES[table].width
        self._known.setdefault(table, set()).update(((times - _ANCHOR_TIME) // width).tolist())

    def forget(self) -> None:
        """After an error, or a reconnect: look again."""
        self._known.clear()


def ensure_partitions(connection: Connection, table: str, times: Sequence[int] | Int64) -> int:
    """Make the partitions of `table` that `times` fall into, where they are missing; on hypertables, nothing.

    Give it an autocommit connection outside a transaction: each partition is committed by itself, so that
    no lock outlives it. Two at once wait for each other. Readers and writers are not held up: a new table
    is attached under a lock that they do not conflict with, and being empty it needs no scan, nor a
    CHECK that would spare one.

    Args:
        table: a name in `BIG_TABLES`.
        times: µs since 1970 UTC, in any order.

    Returns:
        How many were made.

    Raises:
        DataRefused: a time before the year 1 or after 9999.
    """
    big = BIG_TABLES[table]
    times = np.asarray(times, np.int64)
    check_times(times)
    if not len(times) or storage_kind(connection) is not StorageKind.PLAIN:
        return 0
    numbers = np.unique((times - _ANCHOR_TIME) // big.width)
    return sum(_make(connection, big, _start_of(big, int(number))) for number in numbers)


def check_times(times: Int64) -> None:
    """Raise DataRefused where a time cannot be stored."""
    if len(times) and (times.min() < OLDEST_TIME or times.max() > NEWEST_TIME):
        raise DataRefused("a time before the year 1 or after 9999")


def make_partitions_ahead(connection: Connection, now: int, count: int = 2) -> int:
    """Make the current and the next `count` partitions of every big table; returns how many were missing.

    Args:
        now: µs since 1970 UTC.
    """
    made = 0
    for table in BIG_TABLES.values():
        made += ensure_partitions(connection, table.name, now + np.arange(count + 1, dtype=np.int64) * table.width)
    return made


class Dropped(NamedTuple):
    """What a call dropped, and what it left because somebody was in the way: call again later.

    Attributes:
        names: of what was dropped.
        left: how many more are due.
    """

    names: list[str]
    left: int


def drop_partitions_before(
    connection: Connection, table: str, time: int, may_drop: Callable[[int], bool] = lambda _: True
) -> Dropped:
    """Drop the partitions or chunks of `table` that end at or before `time` (µs since 1970 UTC), oldest first.

    Each goes in a transaction of its own, which waits for a lock at most `DROP_LOCK_TIMEOUT_MS`: PostgreSQL
    needs the whole table for itself, so a reader of any partition is in the way, and all that come
    after wait with us. With the first that cannot go, the rest is left.

    Args:
        may_drop: called in that transaction with the partition's end; False leaves it and the rest.
    """
    big = BIG_TABLES[table]
    due = _due(connection, big, time)
    names = list[str]()
    for name, end in due:
        with translated():
            try:
                with connection.transaction():
                    connection.execute(_SQL["limit_lock_wait"], (f"{DROP_LOCK_TIMEOUT_MS}ms",))
                    if not may_drop(end):
                        break
                    _drop(connection, big, end)
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                break
        names.append(name)
    return Dropped(names, len(due) - len(names))


def _make(connection: Connection, table: BigTable, start: date) -> bool:
    with translated(), connection.transaction():
        connection.execute(_SQL["take_partition_lock"], (PARTITION_LOCK,))
        row = connection.execute(_SQL["make_partition"], (table.name, start)).fetchone()
    return row is not None and row[0] is True


def _due(connection: Connection, table: BigTable, time: int) -> list[tuple[str, int]]:
    """Names and ends (µs) of the partitions or chunks that end at or before `time`, oldest first."""
    if storage_kind(connection) is StorageKind.PLAIN:
        ends = [(name, _start_time(start) + table.width) for name, start in _partitions(connection, table)]
        return [(name, end) for name, end in ends if end <= time]
    with translated():
        rows = connection.execute(_SQL["list_chunks"], (table.name, timestamp(time))).fetchall()
    return [(name, microseconds(end)) for name, end in cast("list[tuple[str, datetime]]", rows)]


def _drop(connection: Connection, table: BigTable, end: int) -> None:
    """Drop the partition that ends at `end`, in the caller's transaction; of a hypertable, whatever ends until then."""
    if storage_kind(connection) is not StorageKind.PLAIN:
        connection.execute(_SQL["drop_chunks"], (table.name, timestamp(end)))
        return
    connection.execute(_SQL["take_partition_lock"], (PARTITION_LOCK,))
    connection.execute(_SQL["drop_partition"], (table.name, timestamp(end - table.width).date()))


def _partitions(connection: Connection, table: BigTable) -> list[tuple[str, date]]:
    """Names and first days, oldest first. What a person made by another name, or from another day on, is left alone."""
    with translated():
        rows = cast("list[tuple[str]]", connection.execute(_SQL["list_partitions"], (table.name,)).fetchall())
    return [(name, start) for (name,) in rows if (start := _start_by_name(table, name)) is not None]


def _start_by_name(table: BigTable, name: str) -> date | None:
    form = f"{table.name}_p%Y%m%d"
    try:
        start = datetime.strptime(name, form).date()
    except ValueError:
        return None
    ours = f"{start:{form}}" == name and (start - _ANCHOR).days % table.days == 0
    return start if ours else None


def _start_of(table: BigTable, number: int) -> date:
    return _ANCHOR + timedelta(days=number * table.days)


def _start_time(start: date) -> int:
    return (start - date(1970, 1, 1)).days * DAY
