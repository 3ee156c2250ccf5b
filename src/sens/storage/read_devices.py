"""Sources, devices, series and latest values, for the API. Every list has a limit and a cursor."""

from collections.abc import Sequence
from dataclasses import dataclass

from sens.domain.columns import Kind
from sens.storage.queries import load
from sens.storage.reads import AsyncConnection, fetch, limited


@dataclass(frozen=True, slots=True)
class Source:
    """A source's row. `devices`: how many; `created_at`: µs."""

    id: int
    name: str
    tenant: str
    created_at: int
    devices: int


@dataclass(frozen=True, slots=True)
class Device:
    """A device's row. `series`: how many; `last_at`: time of its newest reading in µs, None before the first."""

    id: int
    name: str
    source: str
    tenant: str
    created_at: int
    series: int
    last_at: int | None


@dataclass(frozen=True, slots=True)
class Series:
    """A series' row, with the names of what it belongs to."""

    id: int
    device_id: int
    device: str
    source: str
    metric: str
    unit: str
    kind: int
    created_at: int

    @property
    def is_text(self) -> bool:
        return self.kind == Kind.TEXT


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest reading of a series: `value` or `text` by its kind, and its age by the database's clock."""

    series_id: int
    device_id: int
    device: str
    source: str
    metric: str
    unit: str
    kind: int
    time: int
    value: float | None
    text: str | None
    age_s: float


@dataclass(frozen=True, slots=True)
class SeriesFilter:
    """Which series: those that fit everything given. `ids` may be many, the names are exact."""

    ids: Sequence[int] | None = None
    device_id: int | None = None
    device: str | None = None
    source: str | None = None
    metric: str | None = None

    def parameters(self) -> dict[str, object]:
        return {
            "ids": None if self.ids is None else list(self.ids),
            "device_id": self.device_id,
            "device": self.device,
            "source": self.source,
            "metric": self.metric,
        }


async def list_sources(connection: AsyncConnection, *, after: str | None = None, limit: int = 1000) -> list[Source]:
    """Sources by name, those after the name `after`."""
    parameters = {"after": after, "limit": limited(limit)}
    return await fetch(connection, load("read_devices")["sources"], parameters, Source)


async def list_devices(
    connection: AsyncConnection,
    *,
    source: str | None = None,
    prefix: str = "",
    after: tuple[str, int] | None = None,
    limit: int = 100,
) -> list[Device]:
    """Devices by (name, id), those after `after`.

    Args:
        connection: from `Reader.connection`.
        source: the name of a source.
        prefix: what the device's name starts with.
        after: name and id of the last device of the page before.
        limit: at most `MAX_ROWS`.
    """
    name, id_ = after or (None, None)
    parameters = {"source": source, "prefix": prefix, "after_name": name, "after_id": id_, "limit": limited(limit)}
    return await fetch(connection, load("read_devices")["devices"], {"id": None, **parameters}, Device)


async def find_device(connection: AsyncConnection, device_id: int) -> Device | None:
    """One device."""
    parameters = {"id": device_id, "source": None, "prefix": "", "after_name": None, "after_id": None, "limit": 1}
    found = await fetch(connection, load("read_devices")["devices"], parameters, Device)
    return found[0] if found else None


async def list_series(
    connection: AsyncConnection, which: SeriesFilter, *, after: int = 0, limit: int = 1000
) -> list[Series]:
    """Series by id, those after the id `after`."""
    parameters = {**which.parameters(), "after": after, "limit": limited(limit)}
    return await fetch(connection, load("read_devices")["series"], parameters, Series)


async def list_latest(
    connection: AsyncConnection, which: SeriesFilter, *, after: int = 0, limit: int = 1000
) -> list[Latest]:
    """The newest reading of each series that has one, by series id, those after the id `after`."""
    parameters = {**which.parameters(), "after": after, "limit": limited(limit)}
    return await fetch(connection, load("read_devices")["latest"], parameters, Latest)
