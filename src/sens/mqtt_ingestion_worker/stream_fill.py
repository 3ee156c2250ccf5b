"""How full the log is, told by those who fill it: who empties it is silent while the database is away."""

import asyncio
from contextlib import suppress

from sens.domain.errors import Retry
from sens.runtime import metrics
from sens.runtime.backoff import pause
from sens.stream.raw import RawStream

FILL_EVERY_S = 10.0


async def tell_fill(stream: RawStream, stopping: asyncio.Event, every_s: float = FILL_EVERY_S) -> None:
    """Keep the metric up to date until stopping. While NATS is away it stays as it was."""
    while True:
        with suppress(Retry):
            metrics.STREAM_FILL_RATIO.set(await stream.fill())
        if await pause(every_s, stopping):
            return
