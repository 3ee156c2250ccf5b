"""What the leader drops when its time is over: raw readings, rollups, settled quarantine.

The ledger's old rows are folded, not dropped: `sens.storage.ledger.fold_ledger`. Old chunks of a
TimescaleDB with columnstore are compressed by its own policy, set when the schema is made.
"""

import psycopg

from sens.storage.connection import Connection
from sens.storage.errors import translated
from sens.storage.locks import ROLLUP_LOCK
from sens.storage.partitions import drop_partitions_before
from sens.storage.queries import load
from sens.storage.rollups import read_marks, work_off_late_marks
from sens.storage.times import timestamp

# Late marks worked off before raw readings are dropped, in chunks; the rest waits for the next call.
_CHUNKS = 20


def drop_raw(connection: Connection, before: int) -> list[str]:
    """Drop raw readings older than `before` (µs), whole partitions only, once rollups hold all of them.

    Nothing is dropped that the rollup's read mark does not cover or that a late mark points at. The drop
    itself holds the writers' lock, so that no late reading is under way; it waits for it 100 ms.

    Args:
        connection: the leader's.
        before: now minus the retention of raw readings. A reading that is older is refused by the
            writer, so its partition does not come back.

    Returns:
        Names of what was dropped. Nothing, too, when a writer was in the way: call again later.

    Raises:
        DatabaseBusy: a reader was in the way for longer than a second; call again later.
    """
    read_until, _ = read_marks(connection)
    if read_until is None:
        return []
    before = min(before, read_until)
    for _ in range(_CHUNKS):
        if not work_off_late_marks(connection):
            break
    return _drop_unless_late(connection, before) + drop_partitions_before(connection, "reading_text", before)


def _drop_unless_late(connection: Connection, before: int) -> list[str]:
    with translated():
        try:
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = '100ms'")
                connection.execute(load("rollups")["lock_rollup_writes"], {"key": ROLLUP_LOCK})
                late = connection.execute(
                    load("retention")["has_late_marks_before"], {"before": timestamp(before)}
                ).fetchone()
                if late is None or late[0] is True:
                    return []
                return drop_partitions_before(connection, "reading", before)
        except psycopg.errors.LockNotAvailable:
            return []


def drop_rollups(connection: Connection, before: int, raw_before: int) -> list[str]:
    """Drop rollups older than `before`, whole partitions only, but none of a time that raw readings may be of.

    Args:
        connection: the leader's.
        before: µs; now minus the retention of rollups.
        raw_before: µs; now minus the retention of raw readings. Rollups are kept at least as long.

    Raises:
        DatabaseBusy: a reader was in the way for longer than a second; call again later.
    """
    return drop_partitions_before(connection, "reading_10m", min(before, raw_before))


def purge_quarantine(connection: Connection, *, max_rows: int, max_bytes: int) -> int:
    """Of each source beyond a cap, delete replayed and discarded messages, the oldest first, until it fits.

    Open messages are never deleted.

    Args:
        connection: the leader's.
        max_rows, max_bytes: the caps of one source; bytes of topics and payloads.

    Returns:
        How many were deleted.
    """
    with translated():
        parameters = {"max_rows": max_rows, "max_bytes": max_bytes}
        return connection.execute(load("retention")["purge_quarantine"], parameters).rowcount
