"""The subject of an import in the raw stream: how far it is, and the next readings. The API writes it.

As with a source's session each publish expects the sequence of the last one: whoever else goes on with the import at
the same time is refused, and nothing is in the log twice.
"""

import secrets
import time
from typing import NamedTuple

from sens.domain.balance import LedgerKey, Tail
from sens.domain.envelope import ID_BYTES, MAX_HEADER_BYTES, Envelope, EnvelopeKind, pack, subject, unpack
from sens.stream.connection import StreamConnection
from sens.stream.raw import PUBLISH_TIMEOUT_S, epoch_of
from sens.stream.streamlog import StreamLog

_MQTT_3_1_1 = 4


class ImportTail(NamedTuple):
    """Where an import stands: as its last envelope says, zeros where it has none.

    Attributes:
        epoch: of the stream; `total` counts in it.
        sequence, previous: stream sequences of the last envelope and of the one before it.
        total: how many readings are in.
        next_received_at: the earliest time, in µs, that the next one may have been received at.
        finished: nothing comes any more.
    """

    epoch: bytes
    sequence: int = 0
    previous: int = 0
    total: int = 0
    next_received_at: int = 0
    finished: bool = False


class ImportLog:
    """Imports in a raw stream. Makes no stream: a worker does."""

    def __init__(self, connection: StreamConnection, stream: str) -> None:
        self._connection = connection
        self._log = StreamLog(connection, stream)

    @property
    def max_body_bytes(self) -> int:
        """How many bytes of packets NATS takes at once."""
        return self._connection.max_data_bytes - MAX_HEADER_BYTES

    async def tail(self, source: str, session: str) -> ImportTail:
        """Where the import stands.

        Raises:
            StreamMissing: no worker has made the stream yet.
            StreamAway: NATS does not answer.
            InvalidEnvelope: something else publishes on the subject.
        """
        epoch = epoch_of(await self._log.info())
        stored = await self._log.last(subject(source, session))
        if stored is None:
            return ImportTail(epoch)
        last = unpack(stored.data)
        if last.epoch != epoch:
            return ImportTail(epoch, stored.sequence, last.previous, next_received_at=last.next_received_at)
        finished = last.messages == 0
        return ImportTail(epoch, stored.sequence, last.previous, last.total, last.next_received_at, finished)

    async def append(self, source: str, session: str, tail: ImportTail, packets: bytes, messages: int) -> ImportTail:
        """Store the next readings, fsynced by the server before it answers. None at all finish the import.

        Args:
            source: of the import.
            session: its name.
            tail: as last read.
            packets: PUBLISH packets of MQTT 3.1.1, end to end.
            messages: how many.

        Raises:
            SequenceMismatch: the import went on meanwhile, perhaps by this very call: read the tail.
            StreamFull, StreamMissing, PayloadTooLarge: nothing was stored.
            StreamAway: they may have been stored, or may yet be: read the tail.
        """
        total = tail.total + messages
        envelope = Envelope(
            id=secrets.token_bytes(ID_BYTES),
            epoch=tail.epoch,
            kind=EnvelopeKind.RAW,
            mqtt_version=_MQTT_3_1_1,
            source=source,
            session=session,
            received_at=max(time.time_ns() // 1000, tail.next_received_at),
            messages=messages,
            total=total,
            settled=total,  # nobody delivers again what only its number tells apart
            previous=tail.sequence,
            body=packets,
        )
        sequence = await self._log.append(
            subject(source, session), pack(envelope), expect_last=tail.sequence, timeout_s=PUBLISH_TIMEOUT_S
        )
        return ImportTail(tail.epoch, sequence, tail.sequence, total, envelope.next_received_at, messages == 0)


def ledger_tail(source: str, session: str, tail: ImportTail) -> Tail:
    """The tail as the ledger lays it beside the database."""
    return Tail(LedgerKey(source, session, tail.epoch), tail.total, tail.sequence)
