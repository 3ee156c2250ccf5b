"""One subject of the log, written by one owner: claim it, append to it, read its tail.

Each publish expects the sequence of the last one, so that a retry can't double and an owner that was
replaced can't write: its publish is refused, and it stops.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import NamedTuple

import structlog

from sens.domain.envelope import (
    ID_BYTES,
    MAX_REDELIVERED,
    SHARED_STEP_US,
    Envelope,
    EnvelopeKind,
    InvalidEnvelope,
    first_time,
    pack,
    subject,
    unpack,
)
from sens.domain.errors import Retry
from sens.mqtt_ingestion_worker.packer import Pack
from sens.mqtt_ingestion_worker.sizes import MaxPayloadTooSmall
from sens.runtime import metrics
from sens.runtime.backoff import Backoff
from sens.stream.errors import PayloadTooLarge, SequenceMismatch, StreamAway, StreamFull
from sens.stream.raw import RawStream
from sens.stream.streamlog import Stored

log: structlog.stdlib.BoundLogger = structlog.get_logger()

PUBLISH_TIMEOUT_S = 10.0
MAX_RETRY_DELAY_S = 5.0
REMEMBERED_EPOCHS = 8
"""Of which a log remembers what was confirmed: a copy may be restored that is older than the last restore."""
_NOTHING = Pack(EnvelopeKind.RAW, b"", 0, 0)


class Fenced(Retry):
    """Another owner has written to the subject: stop, and start again as a newcomer."""


class SubjectSpoiled(Retry):
    """Something else has published on the subject: a person must stop it and purge; other sources go on."""


@dataclass(frozen=True, slots=True)
class Tail:
    """Where the subject stands: sequence, running total, settled and earliest next receive time of
    its last envelope; zeros where it has none in this epoch."""

    sequence: int = 0
    total: int = 0
    settled: int = 0
    next_received_at: int = 0


class Confirmed(NamedTuple):
    """The last envelope of an epoch that the stream has confirmed to us: its id, and where the subject then stood."""

    id: bytes
    tail: Tail


class SubjectLog:
    """Owns the subject of (source, session) from `claim()` until another owner claims it; then it can claim again.

    What was confirmed it remembers from claim to claim. Where that is gone, because the log was restored to an older
    copy or made anew, it first writes how far the running total had come, so that what was lost shows as lost, and
    begins a new epoch: new messages would in time hide it in the old one.

    Args:
        member: ordinal among the members of a shared source, below `SHARED_STEP_US`: no two of them give the
            same receive time. None: the source has one owner at a time.
    """

    def __init__(self, stream: RawStream, source: str, session: str, member: int | None = None) -> None:
        self.stream = stream
        self.source = source
        self.session = session
        self.member = member
        self.step_us = 1 if member is None else SHARED_STEP_US
        self.subject = subject(source, session)
        self.tail = Tail()
        self.epoch = b""
        self.claimed = False
        self._confirmed: dict[bytes, Confirmed] = {}
        # Epochs that were told of and must not go on, should NATS be away before another is begun.
        self._told = set[bytes]()

    async def claim(self, mqtt_version: int) -> None:
        """Take the subject over: from now on, a former owner's publish is refused."""
        self.claimed = False
        self.epoch = await self.stream.refresh()
        self.tail = await self._read_tail()
        gone = [epoch for epoch, confirmed in self._confirmed.items() if await self._is_gone(confirmed)]
        if gone or self.epoch in self._told:
            await self._tell(gone, mqtt_version)
        await self._publish(self._envelope(_NOTHING, mqtt_version, self.tail.settled))
        self.claimed = True

    async def _is_gone(self, confirmed: Confirmed) -> bool:
        """Whether the log has it no more, though nothing of the subject was purged up to there."""
        stored = await self.stream.get(confirmed.tail.sequence)
        if stored is not None and _has_id(stored.data, confirmed.id):
            return False
        async for first in self.stream.read(subjects=self.subject, batch=1):
            # Of a log made anew nothing was purged, however high its numbers are by now.
            return first.sequence <= confirmed.tail.sequence or _begins_a_subject(first.data)
        return True  # a purge leaves the last one

    async def _tell(self, epochs: list[bytes], mqtt_version: int) -> None:
        """Write what running totals had come to in these epochs; if the present one is among them, begin another."""
        for epoch in epochs:
            known, self.epoch = self._confirmed[epoch].tail, epoch
            has = await self._read_tail()
            log.error("log_went_back", source=self.source, had=known.total, has=has.total)
            self.tail = Tail(
                has.sequence,
                max(has.total, known.total),
                has.settled if has.total else known.settled,
                max(has.next_received_at, known.next_received_at),
            )
            await self._publish(self._envelope(_NOTHING, mqtt_version, self.tail.settled))
            self._told.add(epoch)
        present = await self.stream.refresh()
        self.epoch = await self.stream.renew_epoch() if present in self._told else present
        self._told.clear()
        self.tail = await self._read_tail()

    async def _read_tail(self) -> Tail:
        """Where the subject stands. Empty envelopes of other epochs are passed over: an owner tells by them what was
        lost, and may have ended before its claim."""
        stored = await self.stream.last(self.subject)
        if stored is None:
            return Tail()
        envelope = self._unpacked(stored)
        tail = Tail(stored.sequence, next_received_at=envelope.next_received_at)
        for _ in range(REMEMBERED_EPOCHS + 1):
            if envelope.epoch == self.epoch:
                return replace(tail, total=envelope.total, settled=envelope.settled)
            before = await self.stream.get(envelope.previous) if not envelope.messages else None
            if before is None:
                break
            envelope = self._unpacked(before)
        return tail

    def _unpacked(self, stored: Stored) -> Envelope:
        try:
            return unpack(stored.data)
        except InvalidEnvelope as error:
            raise SubjectSpoiled(
                f"the message on {self.subject} with sequence {stored.sequence} is no envelope: {error}; "
                "something else publishes there: stop it and purge the subject"
            ) from error

    async def append(self, content: Pack, mqtt_version: int, settled: int) -> int:
        """Publish until JetStream has confirmed. Returns the running total after it.

        Waits, with back-off, as long as the stream is away or full.

        Raises:
            Fenced: another owner has the subject.
            MaxPayloadTooSmall: NATS takes less at once than when the content was packed.
        """
        await self._publish(self._envelope(content, mqtt_version, settled))
        return self.tail.total

    def _envelope(self, content: Pack, mqtt_version: int, settled: int) -> Envelope:
        earliest = max(content.received_at or time.time_ns() // 1000, self.tail.next_received_at)
        return Envelope(
            id=secrets.token_bytes(ID_BYTES),
            epoch=self.epoch,
            kind=content.kind,
            mqtt_version=mqtt_version,
            source=self.source,
            session=self.session,
            received_at=first_time(earliest, self.step_us, self.member or 0),
            messages=content.messages,
            total=self.tail.total + content.messages,
            settled=settled,
            previous=self.tail.sequence,
            body=content.body,
            step_us=self.step_us,
        )

    async def _publish(self, envelope: Envelope) -> None:
        data, started = pack(envelope), time.monotonic()
        self.tail = Tail(
            sequence=await self._publish_until_confirmed(envelope, data),
            total=envelope.total,
            settled=envelope.settled,
            next_received_at=envelope.next_received_at,
        )
        self._remember(envelope)
        metrics.PUBLISH_SECONDS.labels(self.source).observe(time.monotonic() - started)

    def _remember(self, envelope: Envelope) -> None:
        self._confirmed.pop(envelope.epoch, None)
        self._confirmed[envelope.epoch] = Confirmed(envelope.id, self.tail)
        if len(self._confirmed) > REMEMBERED_EPOCHS:
            del self._confirmed[next(iter(self._confirmed))]

    async def _publish_until_confirmed(self, envelope: Envelope, data: bytes) -> int:
        for delay_s in Backoff(cap_s=MAX_RETRY_DELAY_S):
            try:
                return await self.stream.publish(
                    self.subject, data, expect_last=self.tail.sequence, timeout_s=PUBLISH_TIMEOUT_S
                )
            except SequenceMismatch:
                return await self._find_own(envelope)
            except PayloadTooLarge as error:
                # NATS came back with another limit. What waits is not acknowledged, so the broker still has it.
                raise MaxPayloadTooSmall(f"an envelope on {self.subject} is too large now: {error.detail}") from error
            except (StreamAway, StreamFull) as error:
                # The outcome of a publish that timed out is unknown. The same bytes with the same
                # expectation are either stored now or found at the tail.
                metrics.PUBLISH_RETRIES.labels(self.source).inc()
                metrics.STREAM_FULL.labels(self.source).inc(isinstance(error, StreamFull))
                log.warning("publish_will_retry", source=self.source, error=str(error), retry_in_s=round(delay_s, 2))
                await asyncio.sleep(delay_s)
        raise AssertionError("delays never end")

    async def _find_own(self, envelope: Envelope) -> int:
        """The sequence of an envelope whose publish was refused because it had arrived before."""
        for delay_s in Backoff(cap_s=MAX_RETRY_DELAY_S):
            try:
                stored = await self.stream.last(self.subject)
                break
            except StreamAway:
                await asyncio.sleep(delay_s)
        else:
            raise AssertionError("delays never end")
        if stored is not None and _has_id(stored.data, envelope.id):
            return stored.sequence
        metrics.FENCED.labels(self.source).inc()
        raise Fenced(f"another owner writes to {self.subject}, or the stream was made anew")

    async def recent(self, settled: int) -> AsyncGenerator[Envelope]:
        """Envelopes at the end of the subject whose acknowledgements the broker may not have read,
        the newest first: those after the running total `settled`, about `MAX_REDELIVERED` messages at most.

        Goes on into a former epoch while nothing is settled in the present one."""
        sequence, messages, epoch = self.tail.sequence, 0, self.epoch
        while sequence and messages < MAX_REDELIVERED:
            stored = await self.stream.get(sequence)
            if stored is None:
                return  # purged
            try:
                envelope = unpack(stored.data)
            except InvalidEnvelope:
                return
            if envelope.epoch != epoch:
                epoch, settled = envelope.epoch, envelope.settled
            if 0 < envelope.total <= settled:
                return
            if envelope.messages:
                yield envelope
            messages += envelope.messages
            sequence = envelope.previous


def _has_id(data: bytes, id_: bytes) -> bool:
    try:
        return unpack(data).id == id_
    except InvalidEnvelope:
        return False


def _begins_a_subject(data: bytes) -> bool:
    try:
        return unpack(data).previous == 0
    except InvalidEnvelope:
        return False
