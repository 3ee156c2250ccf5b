"""The raw stream as a source's owner and the telemetry worker's consumer see it, without either of them."""

import asyncio
import os

from sens.domain.envelope import Envelope, EnvelopeKind, pack, subject
from sens.stream.consumer import RawConsumer
from sens.stream.raw import RawStream
from sens.telemetry_worker.clock import now_us


class Log:
    """The raw stream, its consumer, and what publishes to it."""

    def __init__(self, stream: RawStream, consumer: RawConsumer) -> None:
        self.stream = stream
        self.consumer = consumer
        self._tails: dict[str, tuple[int, int]] = {}

    async def publish(self, source: str, messages: int = 1, *, settled: int = 0, body: bytes = b"x") -> int:
        """Store an envelope; returns its sequence."""
        sequence, total = self._tails.get(source, (0, 0))
        envelope = Envelope(
            id=os.urandom(16),
            epoch=self.stream.epoch,
            kind=EnvelopeKind.RAW,
            mqtt_version=5,
            source=source,
            session="exclusive",
            received_at=now_us(),
            messages=messages,
            total=total + messages,
            settled=settled,
            previous=sequence,
            body=body,
        )
        sequence = await self.stream.publish(subject(source, "exclusive"), pack(envelope), expect_last=sequence)
        self._tails[source] = sequence, total + messages
        return sequence

    async def consume(self, envelopes: int) -> None:
        """Have the consumer acknowledge so many."""
        left = envelopes
        while left:
            deliveries = await self.consumer.pull(left, 1 << 20, 5.0)
            await self.consumer.ack(deliveries)
            left -= len(deliveries)
        async with asyncio.timeout(15):
            while (await self.consumer.state()).ack_pending:
                pass

    async def held(self, source: str) -> list[int]:
        """Sequences that the log still holds of a source."""
        return [stored.sequence async for stored in self.stream.read(subjects=subject(source, "exclusive"))]
