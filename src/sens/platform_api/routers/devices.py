"""Devices."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from sens.platform_api.access import READ
from sens.platform_api.models import Model, Moment, Page
from sens.platform_api.paging import Cursor, Limit, NameFilter, NamePart, RowId, cut, parse_cursor
from sens.platform_api.problems import ProblemError, ProblemType, documented
from sens.platform_api.services import ServicesOf
from sens.storage import read_devices

router = APIRouter(prefix="/api/v1/devices", tags=["devices"], dependencies=[READ])

Id = Annotated[int, Path(ge=1, le=2**31 - 1)]


class Device(Model):
    """What sends readings; found by its topic or payload."""

    id: int = Field(examples=[7])
    name: str = Field(examples=["boiler-1"])
    source: str = Field(examples=["plant-a"])
    tenant: str = Field(examples=["default"])
    created_at: Moment = Field(description="When it was seen first.")
    series: int = Field(description="How many series it has.", examples=[3])
    last_at: Moment | None = Field(description="Time of its newest reading; null before the first.")


class DevicePage(Page):
    """Devices by name."""

    items: list[Device]


@router.get("")
async def list_devices(
    services: ServicesOf,
    source: NameFilter = None,
    prefix: NameFilter = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> DevicePage:
    """Devices by name: those of a source, or whose name starts with `prefix`."""
    after = parse_cursor(cursor, tuple[NamePart, RowId])
    async with services.database.connection() as connection:
        rows = await read_devices.list_devices(
            connection, source=source, prefix=prefix or "", after=after, limit=limit + 1
        )
    rows, next_cursor = cut(rows, limit, lambda row: (row.name, row.id))
    return DevicePage(items=[Device.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.get("/{device_id}", responses=documented(ProblemType.NOT_FOUND))
async def get_device(services: ServicesOf, device_id: Id) -> Device:
    """One device."""
    async with services.database.connection() as connection:
        row = await read_devices.find_device(connection, device_id)
    if row is None:
        raise ProblemError(ProblemType.NOT_FOUND, f"there is no device {device_id}")
    return Device.model_validate(row)
