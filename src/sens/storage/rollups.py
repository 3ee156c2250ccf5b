"""The leader's part in rollups: two marks, closed buckets, late marks. Queries are exact at any moment.

`write_until` is moved alone, under the lock that writers share, so when it is moved every writer that
did not yet know it has ended: what is written before it from then on leaves late marks. A later
transaction computes the buckets that are closed by it and only then moves `read_until` past them, so
that a leader that dies in between has changed nothing for queries: they take what is after
`read_until`, and every marked bucket, from raw readings.

Late marks are taken in one statement and their buckets recomputed in a later one of the same
transaction. A reading and its mark are committed together: a mark that was taken has its reading in
the later statement's snapshot, and a reading that comes after that snapshot has a mark that stays.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import psycopg

from sens.storage.connection import Connection
from sens.storage.errors import translated
from sens.storage.locks import ROLLUP_LOCK
from sens.storage.partitions import ensure_partitions
from sens.storage.queries import load
from sens.storage.times import BUCKET, bucket_start, microseconds, timestamp

SLICE = 6 * BUCKET
"""The longest time that one transaction computes, in µs."""
LATE_MARKS_A_CHUNK = 5_000

_Marks = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Progress:
    """What a call of `advance` came to.

    Attributes:
        read_until, write_until: the marks in µs; None: before all time.
        slices: transactions that computed closed buckets.
        late_marks: marks worked off.
        more: there is more to do now; call again without waiting. Not where a writer kept the mark from
            being moved: to try at once, again and again, would stall the others.
    """

    read_until: int | None
    write_until: int | None
    slices: int
    late_marks: int
    more: bool


def advance(connection: Connection, now: int, lag: int, *, max_steps: int = 20) -> Progress:
    """Close the buckets that ended `lag` ago and work off late marks, at most `max_steps` transactions each.

    Args:
        connection: the leader's, from `connect_maintenance`.
        now, lag: µs. What arrives later than `lag` after its bucket's end costs a recomputation, no more.

    Raises:
        DatabaseAway, DatabaseBusy: what was done stays; call again.
    """
    move_write_mark(connection, bucket_start(now - lag))
    slices = _repeat(lambda: int(compute_next_slice(connection)), max_steps)
    marks = _repeat(lambda: work_off_late_marks(connection), max_steps)
    read_until, write_until = read_marks(connection)
    return Progress(
        read_until=read_until,
        write_until=write_until,
        slices=slices.total,
        late_marks=marks.total,
        more=slices.more or marks.more,
    )


def move_write_mark(connection: Connection, until: int) -> bool:
    """Make writes before `until` late, in a transaction of its own. The mark never goes back.

    Returns:
        False: a writer held the lock for longer than 100 ms; nothing was changed, try again. Waiting
        longer would stall every other writer behind us.
    """
    queries = load("rollups")
    known = read_marks(connection)[1]
    if known is not None and known >= until:
        return True
    with translated():
        try:
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = '100ms'")
                connection.execute(queries["lock_rollup_writes"], {"key": ROLLUP_LOCK})
                connection.execute(queries["move_write_mark"], {"until": timestamp(until)})
        except psycopg.errors.LockNotAvailable:
            return False
    return True


def compute_next_slice(connection: Connection) -> bool:
    """Compute the next closed buckets, at most `SLICE` of time, and move `read_until` past them.

    Times without readings are passed over at once. Returns False when there was nothing to do.
    """
    queries = load("rollups")
    seen, until = _marks(connection, "read_marks")
    if until is None or (seen is not None and seen >= until):
        return False
    with translated():
        first = connection.execute(queries["first_reading"], {"start": seen, "end": until}).fetchone()
    start = end = microseconds(until)
    if first and isinstance(first[0], datetime):
        start = bucket_start(microseconds(first[0]))
        end = min(start + SLICE, end)
        ensure_partitions(connection, "reading_10m", range(start, end, BUCKET))
    with translated(), connection.transaction():
        if _marks(connection, "lock_marks")[0] != seen:
            return True
        if start < end:
            connection.execute(queries["compute_slice"], {"start": timestamp(start), "end": timestamp(end)})
        connection.execute(queries["set_read_mark"], {"until": timestamp(end)})
    return True


def work_off_late_marks(connection: Connection, limit: int = LATE_MARKS_A_CHUNK) -> int:
    """Recompute the buckets of up to `limit` late marks. Returns how many marks there were."""
    queries = load("rollups")
    with translated():
        days = connection.execute(queries["peek_late_days"], {"limit": limit}).fetchall()
    if not days:
        return 0
    ensure_partitions(connection, "reading_10m", [microseconds(cast(datetime, day)) for (day,) in days])
    with translated(), connection.transaction():
        # Two of these at once could let the older recomputation overwrite the newer one.
        _marks(connection, "lock_marks")
        marks = connection.execute(queries["take_late_marks"], {"limit": limit}).fetchall()
        distinct = sorted(cast("set[tuple[int, datetime]]", set(marks)))
        series, buckets = [key for key, _ in distinct], [bucket for _, bucket in distinct]
        connection.execute(queries["recompute_buckets"], {"series": series, "buckets": buckets})
    return len(marks)


def _marks(connection: Connection, query: str) -> _Marks:
    with translated():
        row = connection.execute(load("rollups")[query]).fetchone()
    return cast(_Marks, row)


def read_marks(connection: Connection) -> tuple[int | None, int | None]:
    """`read_until` and `write_until` in µs; None: before all time."""
    read, write = _marks(connection, "read_marks")
    return (None if read is None else microseconds(read)), (None if write is None else microseconds(write))


@dataclass(frozen=True, slots=True)
class _Repeated:
    total: int
    more: bool


def _repeat(step: Callable[[], int], times: int) -> _Repeated:
    """Call `step` until it has done nothing, at most `times`."""
    total = 0
    for _ in range(times):
        done = step()
        if not done:
            return _Repeated(total, more=False)
        total += done
    return _Repeated(total, more=True)
