"""From what a message names (source, device, metric, unit, kind) to series ids, a set at a time.

Nothing is kept here but last times: the telemetry worker caches ids by (topic, shape) and asks for misses.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, LiteralString, NamedTuple, TypeVar, cast

import numpy as np

from sens.domain.columns import Int32, Kind
from sens.domain.reasons import Reason
from sens.storage.connection import Connection
from sens.storage.errors import translated
from sens.storage.last_times import LastTimes
from sens.storage.queries import load
from sens.storage.times import microseconds

MAX_NAME_BYTES = 1024
"""A device, metric or unit name is at most this long, so that two fit PostgreSQL's longest index key."""
_SQL = load("series")


class SeriesKey(NamedTuple):
    """What a series is, as messages name it."""

    source_id: int
    device: str
    metric: str
    unit: str
    kind: Kind


class SeriesLimits(NamedTuple):
    """How many a source and a device may have."""

    max_devices: int = 100_000  # per source
    max_series_per_device: int = 1_000


@dataclass(slots=True)
class Resolution:
    """Every key that was asked for stands in exactly one of the two.

    Attributes:
        ids: series ids.
        refused: keys over a limit, or with a name that PostgreSQL cannot hold.
    """

    ids: dict[SeriesKey, int] = field(default_factory=dict[SeriesKey, int])
    refused: dict[SeriesKey, Reason] = field(default_factory=dict[SeriesKey, Reason])


class SeriesIndex:
    """Finds and makes devices and series.

    Limits are counted in the database whenever something new comes, so they hold over restarts and
    workers. Workers that make new ones in the same moment do not see each other's: a limit can be
    exceeded by what the others made in that moment, at most by their number times a batch's new keys.

    Attributes:
        last_times: filled here for every series found; `ReadingWriter` goes by it.
    """

    def __init__(self, limits: SeriesLimits, last_times: LastTimes) -> None:
        self.last_times = last_times
        self._limits = limits

    def resolve(self, connection: Connection, keys: Iterable[SeriesKey]) -> Resolution:
        """Ids of all keys; what is new is made, in the order given until a limit, and committed at once.

        Args:
            connection: autocommit, not the writer's if that works in another thread.

        Raises:
            Retry: the database is away or busy; nothing is half done.
        """
        resolution, wanted = Resolution(), list[SeriesKey]()
        for key in dict.fromkeys(keys):
            if reason := _unfit(key):
                resolution.refused[key] = reason
            else:
                wanted.append(key)
        if wanted:
            with translated(), connection.transaction():
                self._resolve(connection, wanted, resolution)
        return resolution

    def _resolve(self, connection: Connection, wanted: list[SeriesKey], resolution: Resolution) -> None:
        devices = _NameTable(connection, "devices", _device_columns).find_or_make(
            list(dict.fromkeys((key.source_id, key.device) for key in wanted)), self._limits.max_devices
        )
        members = dict[SeriesKey, _SeriesOfDevice]()
        for key in wanted:
            if device := devices.get((key.source_id, key.device)):
                members[key] = (device, key.metric, key.unit, int(key.kind))
            else:
                resolution.refused[key] = Reason.TOO_MANY_DEVICES
        series = _NameTable(connection, "series", _series_columns).find_or_make(
            list(members.values()), self._limits.max_series_per_device
        )
        for key, member in members.items():
            if id_ := series.get(member):
                resolution.ids[key] = id_
            else:
                resolution.refused[key] = Reason.TOO_MANY_SERIES
        self._load_last_times(connection, np.fromiter(series.values(), np.int32))

    def _load_last_times(self, connection: Connection, series: Int32) -> None:
        rows = connection.execute(_SQL["find_last_times"], (series,)).fetchall()
        ids, times = (zip(*rows, strict=True)) if rows else ((), ())
        self.last_times.advance(
            np.array(ids, np.int32), np.array([microseconds(cast("datetime", time)) for time in times], np.int64)
        )


_Device = tuple[int, str]  # source id, name
_SeriesOfDevice = tuple[int, str, str, int]  # device id, metric, unit, kind
_Key = TypeVar("_Key", _Device, _SeriesOfDevice)


class _NameTable(Generic[_Key]):
    """A table of names under an owner (the first part of a key), with a limit per owner."""

    def __init__(
        self, connection: Connection, name: str, columns: Callable[[Sequence[_Key]], tuple[object, ...]]
    ) -> None:
        self._connection = connection
        self._find_sql: LiteralString = _SQL[f"find_{name}"]
        self._count_sql: LiteralString = _SQL[f"count_{name}"]
        self._insert_sql: LiteralString = _SQL[f"insert_{name}"]
        self._columns = columns

    def find_or_make(self, wanted: Sequence[_Key], limit: int) -> dict[_Key, int]:
        """Ids; without those that would be new beyond the limit of their owner."""
        found = self._find(wanted)
        new = [key for key in wanted if key not in found]
        if new and (accepted := self._within_limit(new, limit)):
            self._connection.execute(self._insert_sql, self._columns(accepted))
            found |= self._find(accepted)
        return found

    def _find(self, keys: Sequence[_Key]) -> dict[_Key, int]:
        rows = self._connection.execute(self._find_sql, self._columns(keys)).fetchall()
        return {keys[cast("int", n) - 1]: cast("int", id_) for n, id_ in rows}

    def _within_limit(self, new: Sequence[_Key], limit: int) -> list[_Key]:
        owners = np.array(list({key[0] for key in new}), np.int32)
        rows = self._connection.execute(self._count_sql, (owners,)).fetchall()
        counts = Counter({cast("int", owner): cast("int", count) for owner, count in rows})
        accepted = list[_Key]()
        for key in new:
            if counts[key[0]] < limit:
                counts[key[0]] += 1
                accepted.append(key)
        return accepted


def _device_columns(keys: Sequence[_Device]) -> tuple[object, ...]:
    return np.array([source for source, _ in keys], np.int32), [name for _, name in keys]


def _series_columns(keys: Sequence[_SeriesOfDevice]) -> tuple[object, ...]:
    devices, metrics, units, kinds = zip(*keys, strict=True) if keys else ((), (), (), ())
    return np.array(devices, np.int32), list(metrics), list(units), np.array(kinds, np.int32)


def _unfit(key: SeriesKey) -> Reason | None:
    """Why PostgreSQL cannot hold one of the names, if so; one bad name must not stop a batch."""
    for name in (key.device, key.metric, key.unit):
        try:
            length = len(name.encode())
        except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell
            return Reason.INVALID_NAME
        if length > MAX_NAME_BYTES:
            return Reason.TOO_LONG
        if "\0" in name:
            return Reason.INVALID_NAME
    return None
