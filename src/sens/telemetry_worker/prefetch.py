"""Envelopes that were pulled and not taken yet, up to a limit in bytes."""

import asyncio
from collections import deque

import structlog

from sens.domain.errors import Retry
from sens.runtime.backoff import Backoff
from sens.stream.consumer import Delivery, RawConsumer

log: structlog.stdlib.BoundLogger = structlog.get_logger()

PULL_WAIT_S = 1.0
MAX_ENVELOPES = 1000


class Prefetch:
    """Pulls ahead while a batch is being stored.

    Args:
        max_bytes: no more is pulled while so much waits.
    """

    def __init__(self, consumer: RawConsumer, max_bytes: int) -> None:
        self.consumer = consumer
        self.max_bytes = max_bytes
        self.bytes = 0
        self.arrived = asyncio.Event()
        self._waiting: deque[Delivery] = deque()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def full(self) -> bool:
        return self.bytes >= self.max_bytes

    @property
    def waiting(self) -> list[Delivery]:
        return list(self._waiting)

    async def run(self) -> None:
        """Pull until cancelled; waits with back-off while NATS is away."""
        delays = iter(Backoff(cap_s=5))
        while True:
            await self._room.wait()
            try:
                some = await self.consumer.pull(MAX_ENVELOPES, self.max_bytes - self.bytes, PULL_WAIT_S)
            except Retry as error:
                log.warning("pull_will_retry", error=str(error))
                await asyncio.sleep(next(delays))
                continue
            delays = iter(Backoff(cap_s=5))
            self._add(some)

    def _add(self, some: list[Delivery]) -> None:
        self._waiting += some
        self.bytes += sum(len(delivery.data) for delivery in some)
        if self._waiting:
            self.arrived.set()
        if self.full:
            self._room.clear()

    def take(self) -> list[Delivery]:
        """All that waits."""
        taken = list(self._waiting)
        self._waiting.clear()
        self.bytes = 0
        self.arrived.clear()
        self._room.set()
        return taken
