"""Live updates on plain NATS: whoever listens gets them, whoever does not misses them."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Annotated

import msgspec

from sens.stream.connection import StreamConnection
from sens.stream.errors import PayloadTooLarge, StreamAway
from sens.stream.link import Message

LIVE_ROOT = "sens.live"
MAX_UNSENT_BYTES = 8 * 1024 * 1024


class LiveUpdate(msgspec.Struct):
    """What a worker sends: columns of one source.

    Attributes:
        series: ids. time: µs since 1970 UTC. value: number, or text; booleans as 0 and 1.
    """

    series: list[Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]]
    time: list[int]
    value: list[float | str]


_update = msgspec.json.Decoder(LiveUpdate)


def live_subject(source: str) -> str:
    """The subject of a source's live updates; `*` for all sources."""
    return f"{LIVE_ROOT}.{source}"


class LivePublisher:
    """Sends live updates as far as that costs nothing.

    Attributes:
        sent, dropped: updates, counted since the start.
    """

    def __init__(self, connection: StreamConnection) -> None:
        self._connection = connection
        self.sent = 0
        self.dropped = 0

    async def publish(self, subject: str, data: bytes) -> None:
        """Send, or drop and count: without a connection, with much unsent before it, or when too large."""
        try:
            if self._connection.unsent_bytes > MAX_UNSENT_BYTES:
                raise StreamAway("the socket does not keep up")
            await self._connection.publish(subject, data)
            self.sent += 1
        except (StreamAway, PayloadTooLarge):
            self.dropped += 1


@asynccontextmanager
async def subscribe_live(
    connection: StreamConnection, subject: str, take: Callable[[LiveUpdate], None]
) -> AsyncGenerator[None]:
    """Have `take` called for each live update inside the block, over reconnects (what was sent meanwhile is missed).

    Args:
        subject: as `live_subject()` gives it.
    """

    def deliver(message: Message) -> None:
        with suppress(msgspec.DecodeError):  # whoever may publish here may publish nonsense
            take(_update.decode(message.data))

    subscription = await connection.subscribe(subject, deliver)
    try:
        yield
    finally:
        await subscription.close()
