"""Live readings, as server-sent events."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, cast

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from starlette.types import Send

from sens.platform_api.access import READ
from sens.platform_api.caller import CallerOf
from sens.platform_api.live import LiveFilter, live_events
from sens.platform_api.paging import NameFilter
from sens.platform_api.problems import ProblemError, ProblemType, documented
from sens.platform_api.services import ServicesOf
from sens.platform_api.tenancy import sees_source
from sens.stream.errors import StreamAway

router = APIRouter(prefix="/api/v1/live", tags=["live"], dependencies=[READ])


class EventStream(StreamingResponse):
    """Server-sent events; ended in order also where the client leaves in the midst of one."""

    media_type = "text/event-stream"

    async def stream_response(self, send: Send) -> None:
        async with aclosing(cast("AsyncGenerator[bytes]", self.body_iterator)):
            await super().stream_response(send)


@router.get("", response_class=EventStream, responses=documented(ProblemType.NOT_FOUND, ProblemType.TOO_MANY_STREAMS))
async def stream_live(
    request: Request,
    services: ServicesOf,
    caller: CallerOf,
    source: Annotated[str | None, Query(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = None,
    device: NameFilter = None,
    metric: NameFilter = None,
) -> EventStream:
    """Readings as they are stored, of each series the newest of a batch, as server-sent events.

    `readings`: `{"readings": [{"series_id", "source", "device", "metric", "unit", "time_us", "value"}]}`;
    the value is a number, true or false, or a text.
    `dropped`: `{"updates": n}`, where the client did not keep up. Comments are heartbeats. What is sent
    while nobody listens is missed: query it. The stream ends when NATS is lost or the client takes nothing for long.
    """
    if source is not None and not await sees_source(services, caller, source):
        raise ProblemError(ProblemType.NOT_FOUND, f"there is no source {source}")
    if services.live_streams >= services.max_live_streams:
        raise ProblemError(ProblemType.TOO_MANY_STREAMS, f"{services.live_streams} live streams are open already")
    if not services.stream.connected:
        raise StreamAway(f"NATS is away: {services.stream.last_error}")
    which = LiveFilter(source, device, metric, caller.tenant_id)
    events = live_events(services, which, request.state.still_allowed)
    # Proxies are asked not to hold events back.
    return EventStream(events, headers={"X-Accel-Buffering": "no"})
