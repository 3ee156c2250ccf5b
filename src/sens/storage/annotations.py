"""What people say of devices and series: labels, notes, how often a device is expected, how a series is shown."""

from dataclasses import dataclass

from sens.storage.queries import load
from sens.storage.reads import AsyncConnection, fetch, fetch_columns


@dataclass(frozen=True, slots=True)
class DeviceNotes:
    """What may change of a device. `expected_interval_s`: how often it sends; `main_metric`: what is shown
    first of it; None: nobody said."""

    id: int
    name: str
    tenant_id: int
    label: str | None
    note: str | None
    expected_interval_s: int | None
    main_metric: str | None
    archived_at: int | None

    def values(self) -> dict[str, object]:
        """As `change_device` takes them."""
        return {
            "label": self.label,
            "note": self.note,
            "expected_interval_s": self.expected_interval_s,
            "main_metric": self.main_metric,
            "archived": self.archived_at is not None,
        }


@dataclass(frozen=True, slots=True)
class SeriesNotes:
    """What may change of a series. `unit_shown`: in place of the unit that is sent; `precision`: decimal places."""

    id: int
    name: str
    tenant_id: int
    display_name: str | None
    unit_shown: str | None
    precision: int | None

    def values(self) -> dict[str, object]:
        """As `change_series` takes them."""
        return {"display_name": self.display_name, "unit_shown": self.unit_shown, "precision": self.precision}


async def lock_device(connection: AsyncConnection, device_id: int, tenant_id: int | None = None) -> DeviceNotes | None:
    """The device's notes, held until the transaction ends; None: the tenant (None: nobody) has no such device."""
    parameters = {"id": device_id, "tenant_id": tenant_id}
    found = await fetch(connection, load("annotations")["lock_device"], parameters, DeviceNotes)
    return found[0] if found else None


async def change_device(connection: AsyncConnection, device_id: int, values: dict[str, object]) -> None:
    """Write `DeviceNotes.values`."""
    await fetch_columns(connection, load("annotations")["change_device"], {"id": device_id, **values})


async def lock_series(connection: AsyncConnection, series_id: int, tenant_id: int | None = None) -> SeriesNotes | None:
    """The series' notes, held until the transaction ends; None: the tenant (None: nobody) has no such series."""
    parameters = {"id": series_id, "tenant_id": tenant_id}
    found = await fetch(connection, load("annotations")["lock_series"], parameters, SeriesNotes)
    return found[0] if found else None


async def change_series(connection: AsyncConnection, series_id: int, values: dict[str, object]) -> None:
    """Write `SeriesNotes.values`."""
    await fetch_columns(connection, load("annotations")["change_series"], {"id": series_id, **values})
