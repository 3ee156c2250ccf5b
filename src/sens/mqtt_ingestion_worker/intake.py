"""One source's way from the socket to the log, for as long as its subject is owned.

Nothing here is per message, except for redeliveries after a reconnect: the connection calls once a
read, and the pump works once an envelope, with one publish in flight.
"""

import asyncio
import time
from contextlib import aclosing

import structlog

from sens.domain.errors import SensError
from sens.mqtt.packets import ConnectAck
from sens.mqtt.receiver import Connection
from sens.mqtt.scanner import Oversize, Publishes
from sens.mqtt_ingestion_worker.pacing import Pacing
from sens.mqtt_ingestion_worker.packer import Pack, Packer
from sens.mqtt_ingestion_worker.redelivery import DUP, Live, Redelivery
from sens.mqtt_ingestion_worker.settlement import Settlement
from sens.mqtt_ingestion_worker.subject_log import SubjectLog
from sens.runtime import metrics

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def now_us() -> int:
    return time.time_ns() // 1000


class _Counters:
    """One source's metrics, looked up once: a look-up costs more than counting."""

    def __init__(self, source: str) -> None:
        self.received = metrics.MESSAGES_RECEIVED.labels(source)
        self.bytes = metrics.BYTES_RECEIVED.labels(source)
        self.envelopes = metrics.ENVELOPES_PUBLISHED.labels(source)
        self.envelope_messages = metrics.ENVELOPE_MESSAGES.labels(source)
        self.acknowledged = metrics.PUBACKS_SENT.labels(source)
        self.pending_messages = metrics.PENDING_MESSAGES.labels(source)
        self.pending_bytes = metrics.PENDING_BYTES.labels(source)
        self.paused_s = metrics.READING_PAUSED_SECONDS.labels(source)


class Intake:
    """The connection's `Handler`, and the pump that logs and acknowledges what it received.

    What one connection received is logged before the next is made (`drained`), so packet ids of two
    connections never meet.

    Args:
        subject_log: claimed.
        redelivery_wait_s: for how long after a reconnect the broker may begin to deliver again.
    """

    def __init__(
        self, subject_log: SubjectLog, mqtt_version: int, max_envelope_bytes: int, redelivery_wait_s: float
    ) -> None:
        self.log = subject_log
        self.mqtt_version = mqtt_version
        self.packer = Packer(max_envelope_bytes)
        self.pacing = Pacing()
        self.settlement = Settlement(subject_log.tail.settled, redelivery_wait_s)
        self.connection: Connection | None = None
        self.received_messages = 0
        self.ended = asyncio.Event()
        self.ended_because: SensError | None = None
        self._counters = _Counters(subject_log.source)
        self._redelivery = Redelivery()
        self._remembered_to = 0  # running total
        self._known: list[Publishes] = []
        self._live = Live(self.settlement)
        self._arrived_total = subject_log.tail.total
        self._in_flight_bytes = 0
        self._stopped = False
        self._attached = asyncio.Event()
        self._arrived = asyncio.Event()
        self._due = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._paused_at: float | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def remembered(self) -> int:
        """How many messages of earlier connections would be known again."""
        return len(self._redelivery)

    async def expect_redeliveries(self) -> None:
        """Before a connection is made: look up what the broker may deliver again. Nothing is waiting then."""
        await self._drained.wait()
        await self._remember_recent()
        self.connection = None
        self._known.clear()
        self._live.clear()
        self._attached.clear()
        self.ended.clear()
        self.ended_because = None

    async def _remember_recent(self) -> None:
        """What earlier connections remembered stays true until it is settled; so only what came since is read."""
        since = Redelivery()
        async with aclosing(self.log.recent(max(self.settlement.settled, self._remembered_to))) as recent:
            async for envelope in recent:
                if not since.remember(envelope):
                    self._redelivery = Redelivery()
                    break
        self._redelivery.update(since)
        self._remembered_to = self.log.tail.total

    def attach(self, connection: Connection) -> None:
        """The connection is made; messages may have come before. What they are owed is sent now."""
        self.connection = connection
        for known in self._known:
            connection.acknowledge(known.qos1, known.qos2)
        self._known.clear()
        connection.ping()
        self.settlement.connected(self._remembered_to, self._loop.time(), may_come_again=self.remembered > 0)
        self._attached.set()

    # --- what the connection calls

    def connected(self, ack: ConnectAck) -> None:
        if not ack.session_present:
            # The broker has a new session: its packet ids have nothing to do with the last one's.
            self._redelivery = Redelivery()

    def received(self, piece: Publishes) -> None:
        fresh = self._without_known(piece) if piece.redelivered else piece
        if fresh is not None:
            self.packer.add(fresh, now_us())
            self._note_arrival(fresh.messages, fresh.qos1, fresh.qos2)

    def oversize(self, oversize: Oversize) -> None:
        ids = [] if oversize.packet_id is None else [oversize.packet_id]
        if ids and oversize.first_bytes[0] & DUP:
            if self._live.is_pending(ids[0]):
                return
            if self._live.is_acknowledged(ids[0]) or self._redelivery.knows(oversize, self.mqtt_version):
                qos1, qos2 = (ids, []) if oversize.qos == 1 else ([], ids)
                self._acknowledge_known(Publishes(b"", 1, qos1, qos2))
                return
        metrics.OVERSIZE.labels(self.log.source).inc()
        self.packer.add_oversize(oversize, now_us())
        self._note_arrival(1, ids)

    def settled(self) -> None:
        self.settlement.answered()
        if not self.settlement.held:
            self._redelivery = Redelivery()

    def closed(self, error: SensError | None) -> None:
        self.settlement.disconnected()
        self._note_resumed()
        self.ended_because = error
        self.ended.set()
        # Where it ends before `attach`, nobody waits for that any more.
        self._attached.set()

    # --- receiving

    def _without_known(self, piece: Publishes) -> Publishes | None:
        found = self._redelivery.split(piece, self.mqtt_version, self._live)
        metrics.REDELIVERIES_SKIPPED.labels(self.log.source).inc(found.waiting)
        if found.known is not None:
            self._acknowledge_known(found.known)
        return found.new

    def _acknowledge_known(self, known: Publishes) -> None:
        metrics.REDELIVERIES_SKIPPED.labels(self.log.source).inc(known.messages)
        if self.connection is None:
            self._known.append(known)
        else:
            self.connection.acknowledge(known.qos1, known.qos2)

    def _note_arrival(self, messages: int, *packet_ids: list[int]) -> None:
        self.received_messages += messages
        self._arrived_total += messages
        for ids in packet_ids:
            self._live.came(ids, self._arrived_total)
        now = self._loop.time()
        self.pacing.arrived(now, messages, self.packer.messages)
        self._drained.clear()
        self._arrived.set()
        self._tell_pending()
        if self.packer.full or self.pacing.due_at(self.packer.messages) <= now:
            self._due.set()
        self._pause_reading(now)

    # --- logging and acknowledging

    async def pump(self) -> None:
        """Log and acknowledge what arrives, an envelope at a time, until cancelled.

        Raises:
            Fenced: another owner has the subject.
            MaxPayloadTooSmall: NATS takes less at once than it did.
        """
        while True:
            await self._arrived.wait()
            await self._until_due()
            pack = self.packer.take()
            self.pacing.sent(self._loop.time(), pack.messages, full=self.packer.messages > 0)
            self._resume_reading()
            self._in_flight_bytes = len(pack.body)
            total = await self.log.append(pack, self.mqtt_version, self.settlement.settled)
            self._in_flight_bytes = 0
            await self._attached.wait()
            if self.connection is not None:
                self.connection.acknowledge(pack.qos1, pack.qos2)
            self.settlement.wrote(total)
            self._count(pack)
            if not self.packer.messages:
                self._arrived.clear()
                self._drained.set()

    async def _until_due(self) -> None:
        self._due.clear()
        while not self.packer.full:
            delay_s = self.pacing.due_at(self.packer.messages) - self._loop.time()
            if delay_s <= 0:
                return
            try:
                async with asyncio.timeout(delay_s):
                    await self._due.wait()
            except TimeoutError:
                return

    def _count(self, pack: Pack) -> None:
        count = self._counters
        count.received.inc(pack.messages)
        count.bytes.inc(len(pack.body))
        count.envelopes.inc()
        count.envelope_messages.observe(pack.messages)
        count.acknowledged.inc(len(pack.qos1) + len(pack.qos2))
        self._tell_pending()

    def _tell_pending(self) -> None:
        self._counters.pending_messages.set(self._arrived_total - self.log.tail.total)
        self._counters.pending_bytes.set(self.packer.bytes + self._in_flight_bytes)

    def _pause_reading(self, now: float) -> None:
        if self.packer.full and self._paused_at is None and self.connection is not None:
            self._paused_at = now
            self.connection.pause_reading()

    def stop_reading(self) -> None:
        """Receive no more on this connection: what came is still logged and acknowledged."""
        self._stopped = True
        if self.connection is not None:
            self.connection.pause_reading()

    def _resume_reading(self) -> None:
        if self._stopped:
            return
        if self._paused_at is not None and not self.packer.full and self.connection is not None:
            self.connection.resume_reading()
            self._note_resumed()

    def _note_resumed(self) -> None:
        self._count_pause()
        self._paused_at = None

    def _count_pause(self) -> None:
        """Called while it lasts, too: a pause that nobody sees before it ends warns nobody."""
        if self._paused_at is not None:
            now = self._loop.time()
            self._counters.paused_s.inc(now - self._paused_at)
            self._paused_at = now

    async def settle(self, every_s: float) -> None:
        """Under load, ask the broker once in a while how far it has read, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            self._count_pause()
            now = self._loop.time()
            if self.connection is not None and not self.ended.is_set() and self.settlement.to_ask(now):
                self.connection.ping()
                self.settlement.asked(now)

    async def drained(self) -> None:
        """Wait until all that was received is on disk and acknowledged."""
        await self._drained.wait()
