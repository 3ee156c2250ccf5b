"""`series_latest`: the newest reading of each series, newer wins. Written after the batch is committed.

It can always be made again: a batch that is redelivered, because its worker died in between, brings it
up to date even where all of its envelopes are stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sens.domain.columns import Int32, Int64
from sens.storage.arrays import times
from sens.storage.connection import Connection
from sens.storage.queries import load
from sens.storage.readings import Fate, Rows
from sens.storage.times import time_bounds

_SQL = load("latest")


@dataclass(slots=True)
class Latest:
    """The newest reading of each series of a batch, by series id.

    Attributes:
        series: int32[n], ascending. time: int64[n], µs since 1970 UTC.
        value: float64[n], or object[n] of str.
    """

    series: Int32
    time: Int64
    value: NDArray[Any]

    def __len__(self) -> int:
        return len(self.series)


def latest_of(rows: Rows, fate: NDArray[np.uint8] | None = None) -> Latest:
    """The newest of each series among sorted rows, leaving out conflicts: another value is stored there."""
    if fate is not None and (refused := fate == Fate.CONFLICT).any():
        rows = rows.where(~refused)
    last = np.ones(len(rows), np.bool_)
    last[:-1] = rows.series[1:] != rows.series[:-1]
    return Latest(rows.series[last], rows.time[last], rows.value[last])


def newest(several: Sequence[Latest]) -> Latest:
    """One of several: the newest of each series; of equal times the one that came first."""
    if len(several) == 1:
        return several[0]
    series, time, value = (
        np.concatenate([getattr(each, name) for each in several]) for name in ("series", "time", "value")
    )
    order = np.lexsort((-np.arange(len(series)), time, series))
    series, time, value = series[order], time[order], value[order]
    last = np.ones(len(series), np.bool_)
    last[:-1] = series[1:] != series[:-1]
    return Latest(series[last], time[last], value[last])


def upsert_latest(connection: Connection, numbers: Latest, texts: Latest) -> None:
    """Newer wins. Sorted by series, in the caller's transaction."""
    if len(numbers):
        connection.execute(_SQL["upsert_numbers"], (numbers.series, times(numbers.time), numbers.value))
    if len(texts):
        connection.execute(_SQL["upsert_texts"], (texts.series, times(texts.time), texts.value.tolist()))


def upsert_latest_stored(connection: Connection, numbers: Latest, texts: Latest) -> None:
    """As `upsert_latest`, with the values that are stored at these instants instead of the given ones.

    For readings of which only their envelope is known to be stored: theirs may have been a conflict.
    """
    for query, latest in (("upsert_stored_numbers", numbers), ("upsert_stored_texts", texts)):
        if len(latest):
            oldest, newest = time_bounds(latest.time)
            parameters = {"series": latest.series, "time": times(latest.time), "oldest": oldest, "newest": newest}
            connection.execute(_SQL[query], parameters, prepare=False)
