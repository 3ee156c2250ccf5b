"""Pull → decode → store → acknowledge, a batch at a time; the next batch is decoded while one is stored."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import Generic, NamedTuple, TypeVar

import structlog

from sens.decoding.messages import Arrival
from sens.domain.batch import Batch
from sens.domain.errors import Retry
from sens.runtime import metrics
from sens.runtime.backoff import Backoff, pause
from sens.stream.consumer import Delivery, RawConsumer
from sens.telemetry_worker.clock import now_us
from sens.telemetry_worker.prefetch import Prefetch

log: structlog.stdlib.BoundLogger = structlog.get_logger()

T = TypeVar("T")
R = TypeVar("R")
EXTENSIONS_PER_ACK_WAIT = 3
LAG_EVERY_S = 1.0
WORTH_HOLDING_ENVELOPES_PER_S = 50.0
MUCH_BYTES = 64 * 1024
HOLD_FACTOR_FOR_MUCH = 4
SHORTEST_SETTLE_PAUSE_S = 0.25
LONGEST_SETTLE_PAUSE_S = 2.0
SETTLE_PAUSE_FACTOR = 10.0
"""Under load, latest values of all batches of a pause are written at once, so that with many series it takes a
tenth of the time at most; acknowledging waits for it."""
MAX_RETRY_DELAY_S = 5.0


class Pace(NamedTuple):
    """How large a batch may be, how long it may be held to fill, and JetStream's patience."""

    max_batch_bytes: int
    hold_s: float
    ack_wait_s: float


class _StoredDeliveries(NamedTuple):
    """Deliveries, without their data, of a batch that was stored in a generation."""

    generation: int
    deliveries: list[Delivery]


class Pipeline(Generic[T]):
    """One worker's loop. At most one batch is being stored, one decoded, and one prefetched.

    Args:
        decode: envelopes → batch; blocking, may use the database.
        store: stores a batch; blocking; repeated for the same batch after a Retry. None: its generation is
            over, it must be decoded again.
        settle: brings up to date what serves many batches at once; blocking. What was stored in the generation
            that it returns is acknowledged after it. What was stored in another is given back: the database
            may be an older copy by now, that does not hold it.
        stored: told of each batch that is on disk.
    """

    def __init__(
        self,
        consumer: RawConsumer,
        decode: Callable[[Sequence[Arrival]], Batch],
        store: Callable[[Batch], T | None],
        settle: Callable[[], int],
        stored: Callable[[Batch, T], Awaitable[None]],
        *,
        pace: Pace,
        stopping: asyncio.Event,
    ) -> None:
        self.consumer = consumer
        self.prefetch = Prefetch(consumer, pace.max_batch_bytes)
        self._decode = decode
        self._store = store
        self._settle = settle
        self._stored = stored
        self._pace = pace
        self._stopping = stopping
        self._held: dict[int, list[Delivery]] = {}
        self._decoder_thread = ThreadPoolExecutor(1, "decode")
        self._store_thread = ThreadPoolExecutor(1, "store")
        self._unacknowledged: list[_StoredDeliveries] = []
        self._settle_at = 0.0
        self._started_at = 0.0
        self._envelopes_per_s = 0.0

    async def run(self) -> None:
        """Work until stopping; what was taken is finished.

        Raises:
            Retry: stopping came while the database was away; what was held is delivered again.
        """
        helpers = [asyncio.create_task(work) for work in (self.prefetch.run(), self._extend(), self._tell_lag())]
        storing: asyncio.Task[None] | None = None
        try:
            while not self._stopping.is_set():
                if not await self._wait_for_work(storing, helpers):
                    continue
                deliveries = self.prefetch.take()
                self._held[id(deliveries)] = deliveries
                batch = await self._decoded(deliveries)
                if storing is not None:
                    await storing
                storing = asyncio.create_task(self._store_batch(batch, deliveries))
            if storing is not None:
                await storing
            if self._unacknowledged:
                await self._acknowledge()
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            if storing is not None and not storing.done():
                storing.cancel()
            # Others need not wait for `ack_wait_s` to take what is left over.
            for deliveries in self._in_hand():
                await self.consumer.release(deliveries)
            await self.consumer.release_all()
            self._decoder_thread.shutdown(wait=False)
            self._store_thread.shutdown(wait=False)

    async def _wait_for_work(self, storing: asyncio.Task[None] | None, helpers: Sequence[asyncio.Task[None]]) -> bool:
        """Wait until a batch should be decoded: something came and the store is free, or the batch is full.

        Raises: what the store or a helper failed with, at once.
        """
        watched = [*helpers, *([storing] if storing is not None else [])]
        await _first_of([task for task in watched if not task.done()], self.prefetch.arrived, self._stopping)
        for task in watched:
            if task.done():
                task.result()
        if self._stopping.is_set() or not self.prefetch.arrived.is_set():
            return False
        if storing is not None and not storing.done() and not self.prefetch.full:
            # The batch grows meanwhile; when it is full, decode it while the other is being stored.
            await asyncio.wait({storing}, timeout=0.005)
            if not storing.done() and not self.prefetch.full:
                return False
        await self._hold()
        return True

    async def _hold(self) -> None:
        """Where envelopes come quickly, let the batch fill: a commit costs the same for one as for fifty."""
        if self._envelopes_per_s < WORTH_HOLDING_ENVELOPES_PER_S:
            return
        while not self.prefetch.full:
            much = self.prefetch.bytes >= MUCH_BYTES
            hold_s = self._pace.hold_s * (HOLD_FACTOR_FOR_MUCH if much else 1)
            left_s = self._started_at + hold_s - time.monotonic()
            if left_s <= 0 or await pause(min(left_s, 0.005), self._stopping):
                return

    async def _decoded(self, deliveries: list[Delivery]) -> Batch:
        now = time.monotonic()
        self._envelopes_per_s = len(deliveries) / max(now - self._started_at, 0.001)
        self._started_at = now
        arrivals = [Arrival(each.sequence, each.subject, each.data, each.timestamp) for each in deliveries]
        batch = await self._retried("decode", self._decoder_thread, lambda: self._decode(arrivals))
        metrics.BATCH_SECONDS.labels("decode").observe(time.monotonic() - self._started_at)
        metrics.BATCH_MESSAGES.observe(len(batch.topics))
        metrics.BATCH_READINGS.observe(len(batch.series))
        return batch

    async def _store_batch(self, batch: Batch, deliveries: list[Delivery]) -> None:
        while (result := await self._retried("store", self._store_thread, partial(self._store, batch))) is None:
            batch = await self._decoded(deliveries)
        await self._stored(batch, result)
        del self._held[id(deliveries)]
        without_data = [each._replace(data=b"") for each in deliveries]
        self._unacknowledged.append(_StoredDeliveries(batch.generation, without_data))
        # While more waits, another batch follows, and its end comes by here.
        if not self.prefetch.arrived.is_set() or time.monotonic() >= self._settle_at:
            await self._acknowledge()

    async def _acknowledge(self) -> None:
        """Settle what was stored, then acknowledge it."""
        started_at = time.monotonic()
        generation = await self._retried("settle", self._store_thread, self._settle)
        settled_at = time.monotonic()
        self._settle_at = settled_at + settle_pause_s(settled_at - started_at)
        batches, self._unacknowledged = self._unacknowledged, []
        for stored_in, deliveries in batches:
            if stored_in == generation:
                await self.consumer.ack(deliveries)
            else:
                log.warning("envelopes_given_back", envelopes=len(deliveries), reason="the database was away since")
                await self.consumer.release(deliveries)

    async def _retried(self, what: str, thread: ThreadPoolExecutor, call: Callable[[], R]) -> R:
        """Run a blocking call in its thread, again after each Retry: the database is waited for."""
        loop = asyncio.get_running_loop()
        for delay_s in Backoff(cap_s=MAX_RETRY_DELAY_S):
            try:
                return await loop.run_in_executor(thread, call)
            except Retry as error:
                metrics.DATABASE_RETRIES.inc()
                log.warning("batch_will_retry", step=what, error=str(error), retry_in_s=round(delay_s, 2))
                if await pause(delay_s, self._stopping):
                    raise
        raise AssertionError("delays never end")

    async def _extend(self) -> None:
        """Tell JetStream that what is held is being worked on."""
        while True:
            await asyncio.sleep(self._pace.ack_wait_s / EXTENSIONS_PER_ACK_WAIT)
            for deliveries in self._in_hand():
                await self.consumer.extend(deliveries)

    async def _tell_lag(self) -> None:
        """Also while a batch can't be stored: what is told at its end only says nothing while it lasts."""
        while True:
            metrics.LAG_SECONDS.set(self.lag_s())
            await asyncio.sleep(LAG_EVERY_S)

    def lag_s(self) -> float:
        """Age of the oldest envelope that is held and not stored, by when the log had it; 0: none is held."""
        unstored = chain(*self._held.values(), self.prefetch.waiting)
        oldest = min((delivery.timestamp for delivery in unstored), default=None)
        return 0.0 if oldest is None else max(0.0, (now_us() - oldest) / 1e6)

    def _in_hand(self) -> list[list[Delivery]]:
        """All that was taken from JetStream and not answered."""
        unacknowledged = [deliveries for _, deliveries in self._unacknowledged]
        return [*self._held.values(), *unacknowledged, self.prefetch.waiting, self.consumer.arrived]


def settle_pause_s(took_s: float) -> float:
    """How long to store on before settling again, where settling took so long."""
    return min(max(SETTLE_PAUSE_FACTOR * took_s, SHORTEST_SETTLE_PAUSE_S), LONGEST_SETTLE_PAUSE_S)


async def _first_of(tasks: Sequence[asyncio.Task[None]], *events: asyncio.Event) -> None:
    """Wait until one of the tasks is done or one of the events is set."""
    if any(event.is_set() for event in events):
        return
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait([*tasks, *waits], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
