"""A live stream: the events of one client, which may be slow, away for a while, or gone."""

import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final

import structlog

from sens.domain.errors import Retry
from sens.platform_api.live.epoch import Epoch, View
from sens.platform_api.live.filter import LiveFilter
from sens.platform_api.live.hub import LiveHub
from sens.runtime import metrics
from sens.runtime.exits import message_of

log: structlog.stdlib.BoundLogger = structlog.get_logger()

HEARTBEAT_S = 10.0
RETRY_MS: Final = 2000

Allowed = Callable[[], Awaitable[bool]]


async def live_events(
    hub: LiveHub, which: LiveFilter, last_event_id: str | None, allowed: Allowed
) -> AsyncGenerator[bytes]:
    """Events until the client leaves, the process ends, a server fails or the key opens nothing any more.

    Args:
        last_event_id: of the last event that the client got, in this stream or one before; None: it begins now.
        allowed: whether the key is still valid; asked with each heartbeat.
    """
    epoch = hub.epoch
    hub.streams += 1
    metrics.LIVE_STREAMS.inc()
    try:
        number = epoch.number if last_event_id is None else epoch.number_of(last_event_id)
        with epoch.follow(which, epoch.number if number is None else number) as view:
            async with aclosing(_events(epoch, view, number, allowed)) as events:
                async for event in events:
                    yield event
    except Retry as error:  # the client comes back after RETRY_MS
        log.warning("live_stream_ended", error=message_of(error))
    finally:
        hub.streams -= 1
        metrics.LIVE_STREAMS.dec()


async def _events(epoch: Epoch, view: View, number: int | None, allowed: Allowed) -> AsyncGenerator[bytes]:
    here = b"" if number is None else b"id: %s\n" % epoch.id_of(number)
    yield b"retry: %d\n: listening\n%s\n" % (RETRY_MS, here)
    # Clients that came together do not all ask for their keys together.
    beat_at = time.monotonic() + HEARTBEAT_S * random.uniform(0.5, 1.0)  # noqa: S311 - no secret is made of it
    while not epoch.ended:
        if number is None or number < epoch.oldest():
            number = epoch.number
            metrics.LIVE_RESETS.inc()
            yield b"event: reset\nid: %s\ndata: {}\n\n" % epoch.id_of(number)
        elif time.monotonic() >= beat_at:
            if not await allowed():
                return
            yield b": heartbeat\nid: %s\n\n" % epoch.id_of(number)
            beat_at = time.monotonic() + HEARTBEAT_S
        elif event := view.log.after(number):
            number = event.number
            yield event.data
        else:
            number = epoch.number
            await view.wait(beat_at - time.monotonic())
