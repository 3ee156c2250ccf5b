"""Readings on their way into `reading` and `reading_text`: new ones straight, doubtful ones by a side table.

A reading is *new* when it is later than all that is known to be stored of its series, and alone at its
instant in the batch. New readings go by COPY into the table itself; a race with another worker shows
as a violated key, and then all go the other way: COPY into a temporary table, from there what is not
stored yet, which tells duplicates (the same value is stored) from conflicts (another one is).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple, cast

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from sens.domain.batch import Batch
from sens.domain.columns import Int32, Int64
from sens.storage import copy_rows
from sens.storage.connection import Connection
from sens.storage.last_times import LastTimes
from sens.storage.queries import load
from sens.storage.times import time_bounds

_SQL = load("readings")
Mask = NDArray[np.bool_]


class Fate(IntEnum):
    """What became of a decoded reading."""

    STORED = 0
    DUPLICATE = 1
    CONFLICT = 2


class Table(NamedTuple):
    """One of the two tables of readings.

    Attributes:
        name: `staged_<name>` is its temporary table.
        rows, staged_rows: columns → COPY stream.
    """

    name: str
    rows: Callable[[Int32, Int64, NDArray[Any]], bytes]
    staged_rows: Callable[[Int32, Int64, NDArray[Any]], bytes]

    def query(self, name: str) -> sql.Composed:
        return sql.SQL(_SQL[name]).format(
            table=sql.Identifier(self.name), staged=sql.Identifier("pg_temp", f"staged_{self.name}")
        )


NUMBERS = Table("reading", copy_rows.number_rows, copy_rows.staged_number_rows)
TEXTS = Table("reading_text", copy_rows.text_rows, copy_rows.staged_text_rows)


@dataclass(slots=True)
class Rows:
    """Readings of one table, sorted by (series, time); at one instant in order of arrival.

    Attributes:
        position: intp[n], index of the reading in the batch.
        series: int32[n]. time: int64[n], µs since 1970 UTC.
        value: float64[n], or object[n] of str.
    """

    position: NDArray[np.intp]
    series: Int32
    time: Int64
    value: NDArray[Any]

    def __len__(self) -> int:
        return len(self.series)

    def where(self, chosen: Mask | NDArray[np.intp]) -> "Rows":
        return Rows(self.position[chosen], self.series[chosen], self.time[chosen], self.value[chosen])


class Stored(NamedTuple):
    """What became of `Rows`.

    Attributes:
        fate: uint8[n] of `Fate`.
        conflicts: index into the rows → the value that is stored instead.
        direct: how many went straight.
    """

    fate: NDArray[np.uint8]
    conflicts: dict[int, object]
    direct: int


def make_staged_tables(connection: Connection) -> None:
    """Make the temporary tables; once a connection."""
    for table in (NUMBERS, TEXTS):
        connection.execute(table.query("make_staged"))


def sorted_rows(batch: Batch) -> tuple[Rows, Rows]:
    """The batch's numbers and texts."""
    order = np.lexsort((batch.time, batch.series))
    rows = Rows(order, batch.series[order], batch.time[order], batch.value[order])
    if not batch.texts:
        return rows, rows.where(np.zeros(len(order), np.bool_))
    is_text = np.zeros(len(order), np.bool_)
    is_text[list(batch.texts)] = True
    is_text = is_text[order]
    texts = rows.where(is_text)
    texts.value = np.array([batch.texts[at] for at in texts.position.tolist()], np.object_)
    return rows.where(~is_text), texts


def store(connection: Connection, table: Table, rows: Rows, last_times: LastTimes) -> Stored:
    """Store what is not stored yet, inside the caller's transaction.

    Raises:
        psycopg.Error: anything but a reading that is there already; the transaction is lost.
        DataRefused: as `copy_rows`.
    """
    if not len(rows):
        return Stored(np.zeros(0, np.uint8), {}, 0)
    again = _same_instant_as_before(rows)
    direct = rows.time > last_times.of(rows.series)
    direct &= ~again
    direct[:-1] &= ~again[1:]
    if not _copy_direct(connection, table, rows, direct):
        direct[:] = False
    fate, conflicts = np.zeros(len(rows), np.uint8), dict[int, object]()
    rest = np.flatnonzero(~direct)
    if len(rest):
        fate[rest], found = _store_staged(connection, table, rows.where(rest), ~again[rest])
        conflicts = {int(rest[at]): value for at, value in found.items()}
    return Stored(fate, conflicts, len(rows) - len(rest))


def insert_staged(connection: Connection, table: Table, rows: Rows) -> list[int]:
    """Insert rows of different instants; returns indices of those that are there already."""
    with connection.cursor() as cursor:
        with cursor.copy(table.query("copy_staged")) as copy:
            copy.write(table.staged_rows(rows.series, rows.time, rows.value))
        # Not prepared: a plan made for a few staged rows would be kept for tens of thousands.
        return [cast("int", n) for (n,) in cursor.execute(table.query("insert_staged"), prepare=False).fetchall()]


def _same_instant_as_before(rows: Rows) -> Mask:
    """bool[n]: the row before has the same series and time."""
    again = np.zeros(len(rows), np.bool_)
    again[1:] = (rows.series[1:] == rows.series[:-1]) & (rows.time[1:] == rows.time[:-1])
    return again


def _copy_direct(connection: Connection, table: Table, rows: Rows, direct: Mask) -> bool:
    """Whether all rows where `direct` holds are stored; if not, none is."""
    if not direct.any():
        return True
    rows = rows if direct.all() else rows.where(direct)
    try:
        with connection.transaction(), connection.cursor() as cursor, cursor.copy(table.query("copy_direct")) as copy:
            copy.write(table.rows(rows.series, rows.time, rows.value))
    except psycopg.errors.UniqueViolation:
        return False
    return True


def _store_staged(
    connection: Connection, table: Table, rows: Rows, first: Mask
) -> tuple[NDArray[np.uint8], dict[int, object]]:
    """Fates, and conflicts as in `Stored`. `first`: the row is the first of its instant."""
    candidates = np.flatnonzero(first)
    instants = rows.where(candidates)
    refused = insert_staged(connection, table, instants)
    valid = instants.value  # by instant: the value that is stored in the end
    for n, value in _stored_values(connection, table, refused, instants.time):
        if value is not None:  # None: its partition was dropped meanwhile, so it was stored and is gone
            valid[n] = value
    fate = np.full(len(rows), Fate.DUPLICATE, np.uint8)
    valid_of_row = valid[np.cumsum(first) - 1]
    differs = rows.value != valid_of_row
    fate[differs] = Fate.CONFLICT
    inserted = np.ones(len(candidates), np.bool_)
    inserted[refused] = False
    fate[candidates[inserted]] = Fate.STORED
    return fate, dict(zip(np.flatnonzero(differs).tolist(), valid_of_row[differs].tolist(), strict=True))


def _stored_values(connection: Connection, table: Table, refused: list[int], time: Int64) -> list[tuple[Any, ...]]:
    if not refused:
        return []
    oldest, newest = time_bounds(time[refused])
    parameters = {"n": np.array(refused, np.int32), "oldest": oldest, "newest": newest}
    return connection.execute(table.query("stored_values"), parameters, prepare=False).fetchall()
