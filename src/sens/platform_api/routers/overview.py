"""How it goes, at one look: what came in over time, devices that are silent, how the database and the log grow."""

import time
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from sens.platform_api.access import READ
from sens.platform_api.caller import CallerOf
from sens.platform_api.models import Model
from sens.platform_api.services import Services, ServicesOf
from sens.platform_api.times import DAY
from sens.storage import overview
from sens.stream.errors import StreamAway

router = APIRouter(prefix="/api/v1/overview", tags=["overview"], dependencies=[READ])
_SIZE_DAYS = 30


class IntakeColumns(Model):
    """What was received in each ten minutes in which something was; the last are not over yet."""

    time_us: list[int] = Field(description="µs since 1970 UTC where they begin.", examples=[[1767571200000000]])
    messages: list[int] = Field(examples=[[120000]])
    readings: list[int] = Field(description="Those that were stored.", examples=[[360000]])


class SizeColumns(Model):
    """The sizes of the database and of the log."""

    time_us: list[int] = Field(description="µs since 1970 UTC where the hour begins.", examples=[[1767571200000000]])
    bytes: list[int] = Field(description="Of the database, as noted last in the hour.", examples=[[52428800]])
    log_bytes: list[int | None] = Field(
        description="Of the log, noted with it; null where it was not.", examples=[[1048576]]
    )


class LogSize(Model):
    """The log of what was received, from which it is stored and replayed."""

    bytes: int = Field(description="What it has now.", examples=[1048576])
    max_bytes: int = Field(
        description="Where it takes no more, and the brokers keep what comes; -1: no limit.", examples=[10737418240]
    )
    replay_window_s: int = Field(
        description="After so long what is stored leaves it, earlier where it is more than 80 % full.",
        examples=[604800],
    )


class DeviceCounts(Model):
    """How many devices there are."""

    active: int = Field(description="Not archived.", examples=[998])
    archived: int = Field(examples=[2])
    silent: int = Field(description="Active ones that missed twice the interval they are expected in.", examples=[1])


class Overview(Model):
    """At one look."""

    devices: DeviceCounts
    intake: IntakeColumns
    database: SizeColumns | None = Field(description="Of the last 30 days; null for who sees one tenant only.")
    log: LogSize | None = Field(description="Null for who sees one tenant only, and while NATS is away.")


@router.get("")
async def get_overview(
    services: ServicesOf,
    caller: CallerOf,
    days: Annotated[int, Query(ge=1, le=60, description="How far the intake goes back.")] = 1,
) -> Overview:
    """What came in over time, how many devices are silent, how the database and the log grow."""
    now = time.time_ns() // 1000
    async with services.database.connection() as connection:
        counts = await overview.count_devices(connection, caller.tenant_id)
        intake = await overview.read_intake(connection, now - days * DAY, caller.tenant_id)
        sizes = await overview.read_sizes(connection, now - _SIZE_DAYS * DAY) if caller.tenant_id is None else None
    return Overview(
        devices=DeviceCounts.model_validate(counts),
        intake=IntakeColumns(
            time_us=[each.time for each in intake],
            messages=[each.messages for each in intake],
            readings=[each.readings for each in intake],
        ),
        database=None
        if sizes is None
        else SizeColumns(
            time_us=[each.time for each in sizes],
            bytes=[each.bytes for each in sizes],
            log_bytes=[each.log_bytes for each in sizes],
        ),
        log=await _log_size(services) if caller.tenant_id is None else None,
    )


async def _log_size(services: Services) -> LogSize | None:
    """None while NATS is away: the rest can be answered all the same."""
    try:
        size = await services.log.size()
    except StreamAway:
        return None
    window = services.configuration.raw_stream.replay_window
    return size and LogSize(bytes=size.bytes, max_bytes=size.max_bytes, replay_window_s=int(window.total_seconds()))
