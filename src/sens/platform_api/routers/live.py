"""Live readings, as server-sent events."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Final, cast

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from starlette.types import Send

from sens.platform_api.access import READ
from sens.platform_api.caller import CallerOf
from sens.platform_api.live.events import live_events
from sens.platform_api.live.filter import LiveFilter
from sens.platform_api.paging import DeviceNameFilter, MetricFilter
from sens.platform_api.problems import ProblemError, ProblemType, documented
from sens.platform_api.services import ServicesOf
from sens.platform_api.tenancy import check_sees_source
from sens.stream.errors import StreamAway

MAX_IDS = 1000
_Id = Annotated[int, Query(ge=1, le=2**31 - 1)]
Ids = Annotated[frozenset[_Id] | None, Query(min_length=1, max_length=MAX_IDS)]
router = APIRouter(prefix="/api/v1/live", tags=["live"], dependencies=[READ])


class EventStream(StreamingResponse):
    """Server-sent events; ended in order also where the client leaves in the midst of one."""

    media_type = "text/event-stream"

    async def stream_response(self, send: Send) -> None:
        async with aclosing(cast("AsyncGenerator[bytes]", self.body_iterator)):
            await super().stream_response(send)


def _which(
    caller: CallerOf,
    source: Annotated[str | None, Query(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", examples=["plant-a"])] = None,
    device: DeviceNameFilter = None,
    metric: MetricFilter = None,
    series_ids: Annotated[
        Ids, Query(alias="series_id", description="`series_id=42&series_id=43`.", examples=[[42, 43]])
    ] = None,
    device_ids: Annotated[
        Ids, Query(alias="device_id", description="`device_id=7&device_id=8`.", examples=[[7, 8]])
    ] = None,
) -> LiveFilter:
    return LiveFilter(source, device, metric, series_ids, device_ids, caller.tenant_id)


def _last_event_id(
    header: Annotated[
        str | None,
        Header(
            alias="Last-Event-ID",
            description="`id` of the last event that came: go on after it.",
            examples=["8f14e45f-211"],
        ),
    ] = None,
    parameter: Annotated[
        str | None,
        Query(alias="last_event_id", description="The same, for who cannot set the header.", examples=["8f14e45f-211"]),
    ] = None,
) -> str | None:
    # A browser that comes back sets the header, and asks for the address that it had at first.
    return header or parameter


_EXAMPLE: Final = (
    "id: 8f14e45f-212\nevent: readings\n"
    'data: {"readings":[{"series_id":42,"source":"plant-a","device":"boiler-1","metric":"temperature","unit":"Cel",'
    '"time_us":1767571200000000,"value":21.5}]}\n\n'
)


@router.get(
    "",
    response_class=EventStream,
    responses={
        200: {"content": {EventStream.media_type: {"example": _EXAMPLE}}},
        **documented(ProblemType.NOT_FOUND, ProblemType.TOO_MANY_STREAMS),
    },
)
async def stream_live(
    request: Request,
    services: ServicesOf,
    caller: CallerOf,
    which: Annotated[LiveFilter, Depends(_which)],
    last_event_id: Annotated[str | None, Depends(_last_event_id)],
) -> EventStream:
    """Readings as they are stored, as server-sent events, a few times a second; those that fit all that is given.

    `readings`: `{"readings": [{"series_id", "source", "device", "metric", "unit", "time_us", "value"}]}`;
    the value is a number, true or false, or a text. Of each series the newest since the event before, so that a
    client that takes them slowly gets fewer; where older ones came after it, also the last of those.
    `reset`: what was missed cannot be told; query it. With `Last-Event-ID` a stream goes on where one ended less than
    a minute ago. Comments are heartbeats. The stream ends when NATS is lost or the client takes nothing for long.
    """
    await check_sees_source(services, caller, which.source)
    hub = services.live
    if hub.streams >= hub.max_streams:
        raise ProblemError(ProblemType.TOO_MANY_STREAMS, f"{hub.streams} live streams are open already")
    if not services.stream.connected:
        raise StreamAway(f"NATS is away: {services.stream.last_error}")
    events = live_events(hub, which, last_event_id, request.state.still_allowed)
    # Proxies are asked not to hold events back.
    return EventStream(events, headers={"X-Accel-Buffering": "no"})
