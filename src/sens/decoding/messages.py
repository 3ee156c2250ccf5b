"""Envelopes as delivered, turned into columns of messages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from sens.domain.batch import EnvelopeEntry
from sens.domain.columns import Int32, Int64, Rejection
from sens.domain.envelope import ID_BYTES, Envelope, EnvelopeKind, InvalidEnvelope, unpack
from sens.domain.errors import Reject
from sens.domain.reasons import Reason
from sens.mqtt.columns import columns, truncated

RETAIN = 1
INVALID_SESSION = "!invalid"
"""Session under which the ledger keeps what is no envelope: no running total counts it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message of the stream: its sequence, subject, bytes, and when it was stored (µs since 1970 UTC)."""

    sequence: int
    subject: str
    data: bytes
    stored_at: int


@dataclass(slots=True)
class Messages:
    """N messages of E envelopes.

    Attributes:
        sources: E names.
        starts: E + 1 indexes: messages of envelope e are `starts[e]` to `starts[e + 1]`.
        envelope, position, received_at: as in `Batch`.
        retained: bool[N].
        rejections: message index → why it can't even be routed.
    """

    envelopes: list[EnvelopeEntry]
    sources: list[str]
    starts: list[int]
    envelope: Int32
    position: Int32
    received_at: Int64
    retained: NDArray[np.bool_]
    topics: list[bytes]
    payloads: list[bytes]
    rejections: dict[int, Rejection]

    def __len__(self) -> int:
        return len(self.topics)


class _Gathering:
    def __init__(self, source_id: Callable[[str], int], epoch: bytes) -> None:
        self.source_id = source_id
        self.epoch = epoch
        self.envelopes = list[EnvelopeEntry]()
        self.sources = list[str]()
        self.starts = [0]
        self.steps_us = list[int]()
        self.first_bytes = list[int]()
        self.topics = list[bytes]()
        self.payloads = list[bytes]()
        self.rejections = dict[int, Rejection]()

    def add(self, arrival: Arrival) -> None:
        try:
            envelope = unpack(arrival.data)
            self._add_messages(envelope)
        except Reject as error:
            self._add_invalid(arrival, error)
            return
        self.sources.append(envelope.source)
        self.steps_us.append(envelope.step_us)
        self.envelopes.append(
            EnvelopeEntry(
                envelope.id,
                self.source_id(envelope.source),
                envelope.session,
                envelope.epoch,
                arrival.sequence,
                envelope.received_at,
                envelope.total,
            )
        )
        self.starts.append(len(self.topics))

    def _add_messages(self, envelope: Envelope) -> None:
        if envelope.kind is EnvelopeKind.STUB:
            stub = envelope.stub()
            topic, payload = truncated(stub.first_bytes, envelope.mqtt_version)
            detail = f"{stub.packet_bytes} bytes; raise limits.max_message_bytes to store such messages"
            self.rejections[len(self.topics)] = Rejection(Reason.OVERSIZE, detail)
            self._extend([topic], [payload], [stub.first_bytes[0]])
            return
        found = columns(envelope.body, envelope.mqtt_version)
        if len(found.topics) != envelope.messages:
            raise InvalidEnvelope(f"{len(found.topics)} messages where the header says {envelope.messages}")
        self._extend(found.topics, found.payloads, found.first_bytes)

    def _extend(self, topics: list[bytes], payloads: list[bytes], first_bytes: list[int]) -> None:
        self.topics += topics
        self.payloads += payloads
        self.first_bytes += first_bytes

    def _add_invalid(self, arrival: Arrival, error: Reject) -> None:
        source = arrival.subject.split(".")[2] if arrival.subject.count(".") >= 2 else arrival.subject
        source = source.replace("\0", "\\x00")  # PostgreSQL holds no NUL
        name = b"%s %d %d" % (self.epoch, arrival.sequence, arrival.stored_at)
        id_ = blake2b(name, digest_size=ID_BYTES).digest()
        self.sources.append(source)
        self.steps_us.append(1)
        self.envelopes.append(
            EnvelopeEntry(
                id_, self.source_id(source), INVALID_SESSION, self.epoch, arrival.sequence, arrival.stored_at, 0
            )
        )
        self.rejections[len(self.topics)] = Rejection(error.reason, error.detail)
        self._extend([arrival.subject.encode()], [arrival.data], [0])
        self.starts.append(len(self.topics))


def gather(arrivals: Sequence[Arrival], source_id: Callable[[str], int], epoch: bytes) -> Messages:
    """Unpack envelopes. What is none becomes one message, to be quarantined.

    Args:
        source_id: row of a source by its name.
        epoch: of the stream, to tell apart what is no envelope.
    """
    into = _Gathering(source_id, epoch)
    for arrival in arrivals:
        into.add(arrival)
    sizes = np.diff(np.array(into.starts, np.int64))
    envelope = np.repeat(np.arange(len(into.envelopes), dtype=np.int32), sizes)
    position = np.arange(len(into.topics), dtype=np.int64) - np.array(into.starts[:-1], np.int64)[envelope]
    bases = np.array([entry.received_at for entry in into.envelopes], np.int64)
    steps_us = np.array(into.steps_us, np.int64)
    return Messages(
        envelopes=into.envelopes,
        sources=into.sources,
        starts=into.starts,
        envelope=envelope,
        position=position.astype(np.int32),
        received_at=bases[envelope] + position * steps_us[envelope],
        retained=(np.array(into.first_bytes, np.uint8) & RETAIN).astype(np.bool_),
        topics=into.topics,
        payloads=into.payloads,
        rejections=into.rejections,
    )
