"""Live updates on plain NATS: whoever listens gets them, whoever does not misses them."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec

from sens.stream.connection import StreamConnection
from sens.stream.errors import PayloadTooLarge, StreamAway
from sens.stream.link import Message

LIVE_ROOT = "sens.live"
MAX_UNSENT_BYTES = 8 * 1024 * 1024
MAX_WAITING = 1000


class LiveUpdate(msgspec.Struct):
    """What a worker sends: columns of one source.

    Attributes:
        series: ids. time: µs since 1970 UTC. value: number, or text; booleans as 0 and 1.
    """

    series: list[int]
    time: list[int]
    value: list[float | str]


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


class LiveFeed:
    """An endless iterator over live updates, for one consumer that may be slow.

    Attributes:
        dropped: updates that were dropped, oldest first, because `max_waiting` others waited.
    """

    def __init__(self, max_waiting: int) -> None:
        self._waiting: deque[tuple[str, bytes]] = deque(maxlen=max_waiting)
        self._arrived = asyncio.Event()
        self.dropped = 0

    def deliver(self, message: Message) -> None:
        if len(self._waiting) == self._waiting.maxlen:
            self.dropped += 1
        self._waiting.append((message.subject, message.data))
        self._arrived.set()

    def __aiter__(self) -> "LiveFeed":
        return self

    async def __anext__(self) -> tuple[str, bytes]:
        """The next update's subject and data."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()


@asynccontextmanager
async def subscribe_live(
    connection: StreamConnection, subject: str, *, max_waiting: int = MAX_WAITING
) -> AsyncGenerator[LiveFeed]:
    """Listen to live updates inside the block, over reconnects (what was sent meanwhile is missed).

    Args:
        subject: as `live_subject()` gives it.
        max_waiting: updates kept for a slow consumer.
    """
    feed = LiveFeed(max_waiting)
    subscription = await connection.subscribe(subject, feed.deliver)
    try:
        yield feed
    finally:
        await subscription.close()
