"""What the leader drops when its time is over: raw readings and rollups.

The ledger's old rows are folded, not dropped: `sens.storage.ledger.fold_ledger`. Old chunks of a
TimescaleDB with columnstore are compressed by its own policy, set when the schema is made.
"""

from sens.storage.connection import Connection
from sens.storage.locks import ROLLUP_LOCK
from sens.storage.partitions import Dropped, drop_partitions_before
from sens.storage.queries import load
from sens.storage.rollups import read_marks, work_off_late_marks
from sens.storage.times import timestamp

# Late marks worked off before raw readings are dropped, in chunks; the rest waits for the next call.
_CHUNKS = 20


def drop_raw(connection: Connection, before: int) -> Dropped:
    """Drop raw readings older than `before` (µs), whole partitions only, once rollups hold all of them.

    Nothing is dropped that the rollup's read mark does not cover or that a late mark points at. The drop
    of a partition holds the writers' lock, so that no late reading is under way. It waits for that lock
    100 ms, and as long again for readers; whoever is in the way for longer puts off the drop.

    Args:
        connection: the leader's.
        before: now minus the retention of raw readings. A reading that is older is refused by the
            writer, so its partition does not come back.
    """
    read_until, _ = read_marks(connection)
    if read_until is None:
        return Dropped([], 0)
    before = min(before, read_until)
    for _ in range(_CHUNKS):
        if not work_off_late_marks(connection):
            break
    numbers = drop_partitions_before(connection, "reading", before, lambda end: _without_late_marks(connection, end))
    texts = drop_partitions_before(connection, "reading_text", before)
    return Dropped(numbers.names + texts.names, numbers.left + texts.left)


def _without_late_marks(connection: Connection, end: int) -> bool:
    """Keep writers out until the transaction ends; whether no late mark points before `end`."""
    connection.execute(load("rollups")["lock_rollup_writes"], {"key": ROLLUP_LOCK})
    late = connection.execute(load("retention")["has_late_marks_before"], {"before": timestamp(end)}).fetchone()
    return late is not None and late[0] is False


def drop_rollups(connection: Connection, before: int, raw_before: int) -> Dropped:
    """Drop rollups older than `before`, whole partitions only, but none of a time that raw readings may be of.

    Args:
        connection: the leader's.
        before: µs; now minus the retention of rollups.
        raw_before: µs; now minus the retention of raw readings. Rollups are kept at least as long.
    """
    return drop_partitions_before(connection, "reading_10m", min(before, raw_before))
