"""Which messages of a batch the database refuses as data: found by trial, in transactions that are rolled back."""

import numpy as np

from sens.domain.batch import Batch, Quarantined
from sens.domain.columns import NEWEST_TIME, OLDEST_TIME
from sens.domain.errors import Fatal
from sens.domain.reasons import Reason
from sens.storage.connection import Connection
from sens.storage.errors import DataRefused, translated
from sens.storage.partitions import ensure_partitions
from sens.storage.readings import NUMBERS, TEXTS, insert_staged, sorted_rows


class BatchRefused(Fatal):
    """The database refuses the batch, but accepts the readings of each of its messages."""


def find_refused(connection: Connection, batch: Batch) -> list[Quarantined]:
    """After `DataRefused`: the messages whose readings the database refuses, each with its reason.

    Halves what is refused until one message is left, so a few in N messages cost about log2(N) trials each.

    Args:
        connection: the writer's own, prepared; nothing stays written.

    Raises:
        Retry: the database is away or busy.
        BatchRefused: it is not the readings.
    """
    in_range = (batch.time >= OLDEST_TIME) & (batch.time <= NEWEST_TIME)
    outside = np.unique(batch.reading_message[~in_range]).tolist()
    refused = dict.fromkeys(outside, "a time before the year 1 or after 9999")
    trial = _Trial(connection, batch, np.isin(batch.reading_message, outside, invert=True))
    ranges = [(0, len(batch.topics))]
    while ranges:
        start, end = ranges.pop()
        detail = trial.refusal(start, end)
        if detail is None:
            continue
        if end - start == 1:
            refused[start] = detail
        else:
            middle = (start + end) // 2
            ranges += [(middle, end), (start, middle)]
    if not refused:
        raise BatchRefused(
            "the database refuses a batch, but none of its readings: see its log, and run `sens migrate`"
        )
    return [Quarantined(message, Reason.REFUSED_BY_DATABASE, detail) for message, detail in sorted(refused.items())]


class _Trial:
    """Writes the readings of some messages, and takes it back."""

    def __init__(
        self, connection: Connection, batch: Batch, usable: np.ndarray[tuple[int], np.dtype[np.bool_]]
    ) -> None:
        self._connection = connection
        self._tables = list(zip((NUMBERS, TEXTS), sorted_rows(batch), strict=True))
        self._message = np.where(usable, batch.reading_message, -1)
        for table, rows in self._tables:
            ensure_partitions(connection, table.name, rows.time[self._message[rows.position] >= 0])

    def refusal(self, start: int, end: int) -> str | None:
        """Why messages start..end-1 are refused, None if they are not."""
        try:
            with translated(), self._connection.transaction(force_rollback=True):
                for table, rows in self._tables:
                    message = self._message[rows.position]
                    chosen = rows.where((message >= start) & (message < end))
                    if len(chosen):
                        insert_staged(self._connection, table, chosen)
        except DataRefused as refused:
            return refused.detail
        return None
