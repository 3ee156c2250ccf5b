"""Sources, devices, series and latest values, for the API. Every list has a limit and a cursor."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sens.domain.columns import Kind
from sens.storage.queries import load
from sens.storage.reads import AsyncConnection, fetch, limited
from sens.storage.times import timestamp


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
    """A device's row. `series`: how many; `last_seen`: time of its newest reading in µs, None before the first.

    `silent`: it sent nothing for twice the interval in which it is expected to; `main_series_id`: of its series of
    numbers the first of `main_metric`, else the first, None where it has none.
    """

    id: int
    name: str
    source: str
    tenant: str
    created_at: int
    series: int
    last_seen: int | None
    label: str | None
    note: str | None
    expected_interval_s: int | None
    archived_at: int | None
    main_metric: str | None
    main_series_id: int | None
    silent: bool

    @property
    def archived(self) -> bool:
        return self.archived_at is not None


@dataclass(frozen=True, slots=True)
class Series:
    """A series' row, with the names of what it belongs to. `unit`: as people want it shown, else `unit_sent`."""

    id: int
    device_id: int
    device: str
    source: str
    tenant_id: int
    metric: str
    unit: str
    unit_sent: str
    kind: int
    created_at: int
    display_name: str | None
    precision: int | None

    @property
    def is_text(self) -> bool:
        return self.kind == Kind.TEXT


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest reading of a series: `value` or `text` by its kind, and its age by the database's clock.

    `stale`: older than twice the interval in which its device is expected to send.
    """

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
    stale: bool


@dataclass(frozen=True, slots=True)
class SeriesFilter:
    """Which series: those that fit everything given. `ids` may be many, the names are exact; `tenant_id` None: any.

    What follows is of lists of series only:

    Attributes:
        words: all of them are in the metric, the display name, the device's name or label, or the source's name.
        silent: only those whose device is not archived and that sent nothing for twice its expected interval, or not.
        seen_since: only those with a reading of that time or later; `unseen_since`: only those without.
    """

    ids: Sequence[int] | None = None
    device_id: int | None = None
    device: str | None = None
    source: str | None = None
    metric: str | None = None
    tenant_id: int | None = None
    words: Sequence[str] = ()
    silent: bool | None = None
    seen_since: datetime | None = None
    unseen_since: datetime | None = None

    def parameters(self) -> dict[str, object]:
        return {
            "ids": None if self.ids is None else list(self.ids),
            "device_id": self.device_id,
            "device": self.device,
            "source": self.source,
            "metric": self.metric,
            "tenant_id": self.tenant_id,
            "words": list(self.words),
            "silent": self.silent,
            "seen_since": self.seen_since,
            "unseen_since": self.unseen_since,
        }


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices: those that fit everything given; `tenant_id` None: of any tenant.

    Attributes:
        source: the name of a source.
        prefix: what the device's name starts with.
        words: all of them are in its name, its label or its source's name, in small letters or capitals.
        archived, silent: only those that are, or are not.
        seen_since: only those that sent something at that time or later; `unseen_since`: only those that did not.
    """

    id: int | None = None
    tenant_id: int | None = None
    source: str | None = None
    prefix: str = ""
    words: Sequence[str] = ()
    archived: bool | None = None
    silent: bool | None = None
    seen_since: datetime | None = None
    unseen_since: datetime | None = None

    @property
    def by_seen(self) -> bool:
        """Whether it needs to be known of every device when it was seen last."""
        return any(each is not None for each in (self.silent, self.seen_since, self.unseen_since))

    def parameters(self) -> dict[str, object]:
        return {
            "id": self.id,
            "tenant_id": self.tenant_id,
            "source": self.source,
            "prefix": self.prefix,
            "words": list(self.words),
            "archived": self.archived,
            "silent": self.silent,
            "seen_since": self.seen_since,
            "unseen_since": self.unseen_since,
        }


class DeviceSort(StrEnum):
    """By what devices are sorted, then by id; a device that sent nothing yet was seen before all others."""

    NAME = "name"
    LONGEST_UNSEEN = "last_seen"
    SEEN_LAST = "-last_seen"


class DevicePlace(NamedTuple):
    """Where a device stands in a list, by its row. `last_seen`: µs."""

    id: int
    name: str
    last_seen: int | None


async def list_sources(
    connection: AsyncConnection, tenant_id: int | None = None, *, after: str | None = None, limit: int = 1000
) -> list[Source]:
    """Sources of the tenant (None: of all) by name, those after the name `after`."""
    parameters = {"tenant_id": tenant_id, "after": after, "limit": limited(limit)}
    return await fetch(connection, load("read_devices")["sources"], parameters, Source)


async def list_devices(
    connection: AsyncConnection,
    which: DeviceFilter | None = None,
    *,
    sort: DeviceSort = DeviceSort.NAME,
    after: DevicePlace | None = None,
    limit: int = 100,
) -> list[Device]:
    """Devices in order, those after `after`.

    Args:
        connection: from `Reader.connection`.
        which: None: all.
        after: of the last device of the page before.
        limit: at most `MAX_ROWS`.
    """
    which = which or DeviceFilter()
    parameters = {
        **which.parameters(),
        "sort": sort.value,
        "by_seen": which.by_seen or sort is not DeviceSort.NAME,
        "after_id": after and after.id,
        "after_name": after and after.name,
        "after_seen": None if after is None or after.last_seen is None else timestamp(after.last_seen),
        "limit": limited(limit),
    }
    return await fetch(connection, load("read_devices")["devices"], parameters, Device)


async def find_device(connection: AsyncConnection, device_id: int, tenant_id: int | None = None) -> Device | None:
    """One device, if of the tenant; None: of any."""
    found = await list_devices(connection, DeviceFilter(id=device_id, tenant_id=tenant_id), limit=1)
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
