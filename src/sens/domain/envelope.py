"""The envelope: MQTT PUBLISH packets exactly as the broker sent them, behind a small header.

Layout, little-endian: `HEADER` (see `_HEADER`), then source and session as UTF-8, then the body.
For a raw envelope the body is `messages` whole PUBLISH packets; for a stub it is the length of one
oversize packet (u32), its packet id (u16, 0 at QoS 0) and its first bytes. An envelope with no
messages claims its subject for a new owner and has an empty body.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from sens.domain.columns import NEWEST_TIME, OLDEST_TIME
from sens.domain.errors import Reject
from sens.domain.reasons import Reason

MAGIC = b"SENS"
FORMAT_VERSION = 1
EPOCH_BYTES = 8
ID_BYTES = 16
SUBJECT_ROOT = "sens.raw"
IMPORT_SESSION = "import-"
"""Begins the name of each session that is an import, and of no other. The topic of such a message is the name of the
source whose device it is about, its payload as `ImportDecoder` takes it, whatever is declared."""
MAX_REDELIVERED = 65_535
"""A broker has at most this many packet ids in flight: so many of a subject's last messages may come again."""

#            magic, format, kind, MQTT version, step in µs, id, epoch,
#            received_at, messages, total, settled, previous, source length, session length
_HEADER = struct.Struct("<4s4B16s8sqIQQQBB")
_STUB = struct.Struct("<IH")
STUB_HEADER_BYTES = _STUB.size
MAX_TOTAL = 2**62
"""Far above what is ever counted; the database holds totals, and ranges of them, in signed 64 bits."""
MAX_HEADER_BYTES = _HEADER.size + 2 * 255
SHARED_STEP_US = 16
"""Between two receive times of one member in shared mode: so many members can there be."""


class EnvelopeKind(IntEnum):
    RAW = 0
    STUB = 1


class InvalidEnvelope(Reject):
    """The bytes are no envelope of a format version this build knows."""

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.INVALID_ENVELOPE, detail)


class Stub(NamedTuple):
    """An oversize PUBLISH packet of which only the beginning was kept.

    Attributes:
        packet_bytes: its whole size.
        packet_id: None at QoS 0.
        first_bytes: from the fixed header on; they may end within the topic.
    """

    packet_bytes: int
    packet_id: int | None
    first_bytes: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """One unit of the log.

    Attributes:
        id: 16 random bytes; the ledger's key.
        epoch: 8 bytes, the life of the stream that `total` counts in.
        kind: raw packets, or the stub of an oversize one.
        mqtt_version: 4 (MQTT 3.1.1) or 5: how the packets in `body` are to be read.
        source, session: names; together they make the subject.
        received_at: µs since 1970 UTC of the first message; message i was received at
            `received_at + i * step_us`, so times on one subject strictly increase.
        messages: how many messages the body holds.
        total: running total of messages on this subject in this epoch, this envelope included.
        settled: running total of messages whose acknowledgements the broker has surely read.
        previous: stream sequence of the envelope before this one on the subject, 0 for the first:
            the sequence that the publish expected, and the way back for a reader of the tail.
        body: see the module.
        step_us: µs from one message's receive time to the next one's: `SHARED_STEP_US` where several members
            write times of one source, each in steps of its own (`first_time`), else 1. At most 255.
    """

    id: bytes
    epoch: bytes
    kind: EnvelopeKind
    mqtt_version: int
    source: str
    session: str
    received_at: int
    messages: int
    total: int
    settled: int
    previous: int
    body: bytes
    step_us: int = 1

    @property
    def next_received_at(self) -> int:
        """The earliest time, in µs, that a later message on the same subject may bear."""
        return self.received_at + max(self.messages, 1) * self.step_us

    def stub(self) -> Stub:
        """The oversize packet. Only for `kind` STUB."""
        packet_bytes, packet_id = _STUB.unpack_from(self.body)
        return Stub(packet_bytes, packet_id or None, self.body[_STUB.size :])


def first_time(earliest: int, step_us: int, ordinal: int) -> int:
    """The first µs from `earliest` on that belongs to the member `ordinal` of `step_us` members.

    Members that write times of one source, `step_us` apart, so never write the same.
    """
    return earliest + (ordinal - earliest) % step_us


def subject(source: str, session: str) -> str:
    """The JetStream subject of a source's session."""
    return f"{SUBJECT_ROOT}.{source}.{session}"


def source_and_session(subject: str) -> tuple[str, str] | None:
    """Whose subject it is; None: of nobody's session, others published there."""
    words = subject.removeprefix(f"{SUBJECT_ROOT}.").split(".", 1)
    return (words[0], words[1]) if subject.startswith(f"{SUBJECT_ROOT}.") and len(words) == 2 else None


def is_import(session: str) -> bool:
    """Whether the session's messages come from a file, not from a broker."""
    return session.startswith(IMPORT_SESSION)


def stub_body(stub: Stub) -> bytes:
    """The body of a stub envelope."""
    return _STUB.pack(stub.packet_bytes, stub.packet_id or 0) + stub.first_bytes


def pack(envelope: Envelope) -> bytes:
    """The bytes to publish."""
    source, session = envelope.source.encode(), envelope.session.encode()
    header = _HEADER.pack(
        MAGIC,
        FORMAT_VERSION,
        envelope.kind,
        envelope.mqtt_version,
        envelope.step_us,
        envelope.id,
        envelope.epoch,
        envelope.received_at,
        envelope.messages,
        envelope.total,
        envelope.settled,
        envelope.previous,
        len(source),
        len(session),
    )
    return b"".join((header, source, session, envelope.body))


def unpack(data: bytes) -> Envelope:
    """Read what `pack` wrote.

    Raises:
        InvalidEnvelope: the bytes are no envelope, or one of a newer format.
    """
    if len(data) < _HEADER.size or data[:4] != MAGIC:
        raise InvalidEnvelope(f"{len(data)} bytes that do not start with an envelope header")
    (
        _,
        version,
        kind,
        mqtt_version,
        step_us,
        id_,
        epoch,
        received_at,
        messages,
        total,
        settled,
        previous,
        n_source,
        n_session,
    ) = _HEADER.unpack_from(data)
    if version != FORMAT_VERSION:
        raise InvalidEnvelope(f"format version {version}; this build reads {FORMAT_VERSION}: update it, then replay")
    start = _HEADER.size
    body_at = start + n_source + n_session
    if (
        len(data) < body_at
        or kind not in (EnvelopeKind.RAW, EnvelopeKind.STUB)
        or mqtt_version not in (4, 5)
        or not step_us
    ):
        raise InvalidEnvelope("a truncated or damaged header")
    if kind == EnvelopeKind.STUB and (messages != 1 or len(data) <= body_at + _STUB.size):
        raise InvalidEnvelope("a damaged stub")
    try:
        source = data[start : start + n_source].decode()
        session = data[start + n_source : body_at].decode()
    except UnicodeDecodeError as error:
        raise InvalidEnvelope("source or session is not UTF-8") from error
    envelope = Envelope(
        id=id_,
        epoch=epoch,
        kind=EnvelopeKind(kind),
        mqtt_version=mqtt_version,
        source=source,
        session=session,
        received_at=received_at,
        messages=messages,
        total=total,
        settled=settled,
        previous=previous,
        body=data[body_at:],
        step_us=step_us,
    )
    _check_storable(envelope)
    return envelope


def _check_storable(envelope: Envelope) -> None:
    """One envelope that the database cannot hold would stop all those behind it."""
    if "\0" in envelope.source or "\0" in envelope.session:
        raise InvalidEnvelope("source or session holds NUL")
    if not OLDEST_TIME <= envelope.received_at <= NEWEST_TIME - envelope.messages * envelope.step_us:
        raise InvalidEnvelope("received before the year 1 or after 9999")
    if envelope.total > MAX_TOTAL:
        raise InvalidEnvelope(f"a running total above {MAX_TOTAL}")
