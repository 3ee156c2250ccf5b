"""Live readings as server-sent events, from what the telemetry workers send on plain NATS."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import msgspec
import structlog

from sens.domain.columns import Kind
from sens.domain.errors import Retry
from sens.platform_api.names import SeriesNames
from sens.platform_api.services import Services
from sens.runtime.exits import message_of
from sens.storage.read_devices import Series
from sens.stream.errors import StreamAway
from sens.stream.live import LiveFeed, LiveUpdate, live_subject, subscribe_live

log: structlog.stdlib.BoundLogger = structlog.get_logger()

HEARTBEAT_S = 10.0
TICK_S = 0.5
"""How long a stream may go on after the process was asked to end."""
MAX_WAITING = 200
"""Updates that wait for a slow client; older ones are dropped, and it is told how many."""
RETRY_MS = 2000


class LiveReading(msgspec.Struct):
    """What a client gets."""

    series_id: int
    source: str
    device: str
    metric: str
    unit: str
    time_us: int
    value: float | bool | str


@dataclass(frozen=True, slots=True)
class LiveFilter:
    """Readings that fit everything given; names are exact; `tenant_id` None: of any tenant."""

    source: str | None = None
    device: str | None = None
    metric: str | None = None
    tenant_id: int | None = None

    def fits(self, series: Series) -> bool:
        if self.tenant_id not in (None, series.tenant_id):
            return False
        return self.device in (None, series.device) and self.metric in (None, series.metric)


_update = msgspec.json.Decoder(LiveUpdate)
_encode = msgspec.json.Encoder().encode


async def live_events(
    services: Services, which: LiveFilter, allowed: Callable[[], Awaitable[bool]]
) -> AsyncGenerator[bytes]:
    """Events until the client leaves, the process ends, a server fails or the key opens nothing any more.

    Args:
        allowed: whether the key is still valid; asked with each heartbeat.
    """
    services.live_streams += 1
    try:
        subject = live_subject(which.source or "*")
        async with subscribe_live(services.stream, subject, max_waiting=MAX_WAITING) as feed:
            yield f"retry: {RETRY_MS}\n: listening\n\n".encode()
            async with aclosing(_events(services, which, feed, allowed)) as events:
                async for event in events:
                    yield event
    except Retry as error:  # the client comes back after RETRY_MS
        log.warning("live_stream_ended", error=message_of(error))
    finally:
        services.live_streams -= 1


async def _events(
    services: Services, which: LiveFilter, feed: LiveFeed, allowed: Callable[[], Awaitable[bool]]
) -> AsyncGenerator[bytes]:
    beat_at, dropped = time.monotonic(), 0
    while not services.stopping.is_set():
        if not services.stream.connected:
            raise StreamAway(f"NATS is away: {services.stream.last_error}")
        update = await _next(feed)
        readings = await select(services.names, which, update) if update is not None else []
        if readings:
            yield _event("readings", {"readings": readings})
        if feed.dropped > dropped:
            yield _event("dropped", {"updates": feed.dropped - dropped})
            dropped = feed.dropped
        if time.monotonic() - beat_at >= HEARTBEAT_S:
            if not await allowed():
                return
            yield b": heartbeat\n\n"
            beat_at = time.monotonic()


async def _next(feed: LiveFeed) -> bytes | None:
    """The next update; None if none comes within a tick."""
    try:
        async with asyncio.timeout(TICK_S):
            _, data = await anext(feed)
            return data
    except TimeoutError:
        return None


async def select(names: SeriesNames, which: LiveFilter, data: bytes) -> list[LiveReading]:
    """The readings of an update that the client wants; none of what is no update.

    Raises:
        DatabaseAway, DatabaseBusy: names are missing.
    """
    try:
        update = _update.decode(data)
    except msgspec.DecodeError:
        return []
    series = await names.find(update.series)
    return [
        LiveReading(id_, found.source, found.device, found.metric, found.unit, at, _typed(found, value))
        for id_, at, value in zip(update.series, update.time, update.value, strict=False)
        if (found := series.get(id_)) is not None and which.fits(found)
    ]


def _typed(series: Series, value: float | str) -> float | bool | str:
    """Workers send booleans as they are stored: the series knows that 1 means true."""
    return bool(value) if series.kind == Kind.BOOLEAN else value


def _event(name: str, data: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), _encode(data))
