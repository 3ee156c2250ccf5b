"""What series are called, remembered for a while: people may change the unit that is shown."""

import time
from collections.abc import Iterable
from typing import Final

from sens.storage.read_devices import Series, SeriesFilter, list_series
from sens.storage.reads import MAX_ROWS, Reader

MAX_REMEMBERED: Final = 50_000
REMEMBERED_S: Final = 60.0


class SeriesNames:
    """A bounded memory of series; what is not in it is read."""

    def __init__(self, database: Reader) -> None:
        self._database = database
        self._known: dict[int, Series] = {}
        self._until = 0.0

    def forget(self) -> None:
        """Read all anew: one of them was changed."""
        self._known.clear()

    async def find(self, ids: Iterable[int]) -> dict[int, Series]:
        """Those of the series that are there.

        Raises:
            DatabaseAway, DatabaseBusy: not all are remembered.
        """
        if time.monotonic() > self._until:
            self.forget()
            self._until = time.monotonic() + REMEMBERED_S
        wanted = set(ids)
        missing = sorted(wanted - self._known.keys())
        found = {id_: self._known[id_] for id_ in wanted - set(missing)}
        for start in range(0, len(missing), MAX_ROWS):
            found |= await self._read(missing[start : start + MAX_ROWS])
        return found

    async def _read(self, ids: list[int]) -> dict[int, Series]:
        async with self._database.connection() as connection:
            rows = await list_series(connection, SeriesFilter(ids=ids), limit=MAX_ROWS)
        read = {series.id: series for series in rows}
        self._known |= read
        while len(self._known) > MAX_REMEMBERED:
            del self._known[next(iter(self._known))]
        return read
