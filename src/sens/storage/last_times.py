"""The newest time that is known to be stored of each series: what is newer needs no look at the table."""

from threading import Lock

import numpy as np

from sens.domain.columns import NO_TIME, Int32, Int64

_FIRST_ROOM = 1024


class LastTimes:
    """Last times, µs since 1970 UTC, by series id; `NO_TIME` for a series without readings.

    8 bytes a series id, growing by doubling; its limits are those on devices and series. Shared by the
    thread that resolves series and the one that writes. Being too old costs speed (a COPY that a
    unique key stops), never correctness.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._times = np.full(_FIRST_ROOM, NO_TIME, np.int64)

    def of(self, series: Int32) -> Int64:
        """The last time of each of `series`."""
        with self._lock:
            self._make_room(series)
            return self._times[series]

    def advance(self, series: Int32, times: Int64) -> None:
        """Note stored readings. Each series at most once; an older time than the known one is ignored."""
        with self._lock:
            self._make_room(series)
            self._times[series] = np.maximum(self._times[series], times)

    def _make_room(self, series: Int32) -> None:
        need = int(series.max()) + 1 if len(series) else 0
        if need > len(self._times):
            room = np.full(max(need, 2 * len(self._times)), NO_TIME, np.int64)
            room[: len(self._times)] = self._times
            self._times = room
