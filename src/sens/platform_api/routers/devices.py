"""Devices."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from msgspec import Meta
from pydantic import Field, StrictBool

from sens.decoders.imported import MAX_NAME_CHARS
from sens.domain.columns import NEWEST_TIME, OLDEST_TIME
from sens.platform_api.access import OPERATE, READ
from sens.platform_api.auditing import AuditorOf, Subject, changed
from sens.platform_api.caller import Caller, CallerOf
from sens.platform_api.device_messages import Found, Older, find_messages
from sens.platform_api.fates import Became, Fate, find_fates
from sens.platform_api.models import NO_NUL, Base64, Label, Model, Moment, Page, Readable
from sens.platform_api.paging import Cursor, Limit, NameFilter, NamePart, RowId, SourceFilter, cut, parse_cursor
from sens.platform_api.problems import ProblemError, ProblemType, documented
from sens.platform_api.routers.quarantine import NamedState
from sens.platform_api.search import SeenSince, UnseenSince, Words, moment_of, words_of
from sens.platform_api.services import Services, ServicesOf
from sens.platform_api.trials import Trial, told
from sens.storage import annotations, read_devices
from sens.storage.read_devices import DeviceFilter, DevicePlace, DeviceSort

router = APIRouter(prefix="/api/v1/devices", tags=["devices"], dependencies=[READ])

Id = Annotated[int, Path(ge=1, le=2**31 - 1, examples=[7])]
MAX_PAYLOAD_BYTES = 16 * 1024
MAX_INTERVAL_S = 366 * 86_400
_Place = tuple[RowId, NamePart, Annotated[int, Meta(ge=OLDEST_TIME, le=NEWEST_TIME)] | None]


class Device(Model):
    """What sends readings; found by its topic or payload."""

    id: int = Field(examples=[7])
    name: str = Field(description="As its topic or payload says; it never changes.", examples=["boiler-1"])
    label: str | None = Field(description="As people call it; null where nobody said.", examples=["Boiler, cellar"])
    note: str | None = Field(examples=["Serviced in May"])
    source: str = Field(examples=["plant-a"])
    tenant: str = Field(examples=["default"])
    created_at: Moment = Field(description="When it was seen first.")
    series: int = Field(description="How many series it has.", examples=[3])
    last_seen: Moment | None = Field(description="Time of its newest reading; null before the first.")
    expected_interval_s: int | None = Field(
        description="How often it is expected to send; null where nobody said.", examples=[60]
    )
    silent: bool = Field(description="It sent nothing for twice that long, and is not archived.", examples=[False])
    main_metric: str | None = Field(
        description="Which metric is shown first; null where nobody said.", examples=["temperature"]
    )
    main_series_id: int | None = Field(
        description="Of its series of numbers that of `main_metric`, else the first; null where it has none.",
        examples=[42],
    )
    archived: bool = Field(description="It is of former times. What it sends is stored all the same.", examples=[False])


class DevicePage(Page):
    """Devices in the order asked for."""

    items: list[Device]


class DeviceChange(Model):
    """What to change; what is left out stays, null takes it back."""

    label: Label | None = Field(default=None, examples=["Boiler, cellar"])
    note: Annotated[str, Field(min_length=1, max_length=4000, pattern=NO_NUL)] | None = Field(
        default=None, examples=["Serviced in May"]
    )
    expected_interval_s: int | None = Field(default=None, strict=True, ge=1, le=MAX_INTERVAL_S, examples=[60])
    main_metric: Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS, pattern=NO_NUL)] | None = Field(
        default=None, examples=["temperature"]
    )
    archived: StrictBool | None = Field(default=None, description="null: it stays.", examples=[True])


class QuarantineEntry(Model):
    """A message's row in quarantine."""

    id: int = Field(examples=[17])
    reason: str = Field(description="A stable code.", examples=["invalid_syntax"])
    detail: str = Field(examples=["unexpected character at byte 12"])
    state: NamedState


class DeviceMessage(Model):
    """A message as it was received."""

    topic: Readable = Field(description="Bytes that are no UTF-8 are shown as \\xNN.", examples=["sens/boiler-1/up"])
    received_at: Moment
    retained: bool = Field(description="Whether the broker had kept it for new subscribers.", examples=[False])
    payload_bytes: int = Field(examples=[88])
    payload_base64: Base64 = Field(
        description=f"The bytes as received, the first {MAX_PAYLOAD_BYTES:,}.", examples=["eyJ0IjogMQ=="]
    )
    became: Became = Field(
        description="`pending`: it is not in the database yet. `duplicate`: its readings were stored already. "
        "`conflict`: other values were. `expired`: it was stored, and is older than readings are kept. "
        "`unknown`: the database does not tell it from others that it came with.",
        examples=["quarantined"],
    )
    quarantine: QuarantineEntry | None = Field(description="Where it is in quarantine, or was.")
    differs: bool = Field(
        description="Whether the configuration of today, by which `result` is, would have decided otherwise.",
        examples=[False],
    )
    result: Trial = Field(description="What would become of it today.")


class DeviceMessages(Model):
    """The last messages of a device."""

    items: list[DeviceMessage] = Field(description="The newest first.")
    searched_from: Moment | None = Field(description="What the log took in since then was looked through.")
    older: Older = Field(
        description="`none`: there are no older ones. `purged`: they were, from the log; their readings are kept. "
        "`not_searched`: there may be more, which this list or its search is too short for.",
        examples=["none"],
    )


def device_filter(
    caller: CallerOf,
    source: SourceFilter = None,
    prefix: Annotated[NameFilter, Query(examples=["boiler-"])] = None,
    q: Annotated[Words, Query(description="Words that are in the name, the label or the source's name.")] = None,
    archived: Annotated[bool | None, Query(description="Only those that are archived, or are not.")] = None,
    silent: Annotated[bool | None, Query(description="Only those that are silent, or are not.")] = None,
    seen_since: SeenSince = None,
    unseen_since: UnseenSince = None,
) -> DeviceFilter:
    """Devices that fit everything given."""
    return DeviceFilter(
        tenant_id=caller.tenant_id,
        source=source,
        prefix=prefix or "",
        words=words_of(q),
        archived=archived,
        silent=silent,
        seen_since=moment_of(seen_since, "query.seen_since"),
        unseen_since=moment_of(unseen_since, "query.unseen_since"),
    )


@router.get("")
async def list_devices(
    services: ServicesOf,
    which: Annotated[DeviceFilter, Depends(device_filter)],
    sort: Annotated[
        DeviceSort, Query(description="By name, or by the newest reading: that of long ago first, or `-` last.")
    ] = DeviceSort.NAME,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> DevicePage:
    """Devices that fit everything given.

    Sorted by the newest reading, a device that sends while the pages are read may change its place: it may then stand
    on two of them, or on none.
    """
    after = parse_cursor(cursor, _Place)
    async with services.database.connection() as connection:
        rows = await read_devices.list_devices(
            connection, which, sort=sort, after=after and DevicePlace(*after), limit=limit + 1
        )
    rows, next_cursor = cut(rows, limit, lambda row: DevicePlace(row.id, row.name, row.last_seen))
    return DevicePage(items=[Device.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.get("/{device_id}", responses=documented(ProblemType.NOT_FOUND))
async def get_device(services: ServicesOf, caller: CallerOf, device_id: Id) -> Device:
    """One device."""
    return await _find(services, caller, device_id)


@router.patch("/{device_id}", dependencies=[OPERATE], responses=documented(ProblemType.NOT_FOUND))
async def change_device(
    services: ServicesOf, caller: CallerOf, audit: AuditorOf, device_id: Id, body: DeviceChange
) -> Device:
    """Change what people say of a device."""
    async with services.database.connection() as connection, connection.transaction():
        row = await annotations.lock_device(connection, device_id, caller.tenant_id)
        if row is None:
            raise _no_device(device_id)
        given = body.model_dump(exclude_unset=True)
        if body.archived is None:
            given.pop("archived", None)
        before, after = changed(row.values(), given)
        if after:
            await annotations.change_device(connection, device_id, {**row.values(), **after})
            await audit.write(
                connection, "device.update", Subject("device", device_id, row.name, row.tenant_id), before, after
            )
    return await _find(services, caller, device_id)


@router.get("/{device_id}/messages", responses=documented(ProblemType.NOT_FOUND, ProblemType.STREAM_UNAVAILABLE))
async def list_messages_of_device(
    services: ServicesOf,
    caller: CallerOf,
    device_id: Id,
    limit: Annotated[int, Query(ge=1, le=100, description="Most messages.")] = 20,
) -> DeviceMessages:
    """The last messages of the device as they were received, the newest first, and what became of each.

    The log is searched back to a limit, also for what was imported; what was purged from it cannot be shown any more.
    """
    row = await _find_row(services, caller, device_id)
    search = await find_messages(services, row, limit)
    async with services.database.connection() as connection:
        fates = await find_fates(connection, row.source, search.found)
    items = [_message(found, fate) for found, fate in zip(search.found, fates, strict=True)]
    told = {"items": items, "searched_from": search.searched_from, "older": search.older}
    return DeviceMessages.model_validate(told)


def _message(found: Found, fate: Fate) -> dict[str, Any]:
    return {
        "topic": found.topic,
        "received_at": found.received_at,
        "retained": found.retained,
        "payload_bytes": len(found.payload),
        "payload_base64": found.payload[:MAX_PAYLOAD_BYTES],
        "became": fate.became,
        "quarantine": fate.entry and QuarantineEntry.model_validate(fate.entry),
        "differs": fate.differs,
        "result": told(found.trial),
    }


async def _find(services: Services, caller: Caller, device_id: int) -> Device:
    return Device.model_validate(await _find_row(services, caller, device_id))


async def _find_row(services: Services, caller: Caller, device_id: int) -> read_devices.Device:
    async with services.database.connection() as connection:
        row = await read_devices.find_device(connection, device_id, caller.tenant_id)
    if row is None:
        raise _no_device(device_id)
    return row


def _no_device(device_id: int) -> ProblemError:
    return ProblemError(ProblemType.NOT_FOUND, f"there is no device {device_id}")
