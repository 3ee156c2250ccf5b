"""The rollup's write mark, seen from a writer: readings before it are late and leave marks.

The shared lock keeps the leader from moving the mark until this transaction ends, so no reading can be
stored unmarked in a bucket that the leader believes to be complete.
"""

from datetime import datetime
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sens.domain.columns import NO_TIME
from sens.storage.connection import Connection
from sens.storage.copy_rows import mark_rows
from sens.storage.locks import ROLLUP_LOCK
from sens.storage.queries import load
from sens.storage.readings import Fate, Rows
from sens.storage.times import BUCKET, microseconds

_SQL = load("write")


def share_write_mark(connection: Connection) -> int:
    """Hold the write mark until the transaction ends; µs since 1970 UTC, `NO_TIME` if none was set yet."""
    connection.execute(_SQL["share_rollup_lock"], (ROLLUP_LOCK,))
    row = connection.execute(_SQL["write_until"]).fetchone()
    return NO_TIME if row is None or row[0] is None else microseconds(cast("datetime", row[0]))


def leave_late_marks(connection: Connection, rows: Rows, fate: NDArray[np.uint8], write_until: int) -> int:
    """Mark each (series, bucket) in which a reading was stored late; returns how many.

    Args:
        rows: sorted; numbers, as texts have no rollup.
    """
    late = (rows.time < write_until) & (fate == Fate.STORED)
    if not late.any():
        return 0
    series, bucket = rows.series[late], rows.time[late] // BUCKET * BUCKET
    first = np.ones(len(series), np.bool_)
    first[1:] = (series[1:] != series[:-1]) | (bucket[1:] != bucket[:-1])
    with connection.cursor() as cursor, cursor.copy(_SQL["copy_late_marks"]) as copy:
        copy.write(mark_rows(series[first], bucket[first]))
    return int(first.sum())
