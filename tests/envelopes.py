"""Envelopes made of readable messages, for tests."""

import struct
from itertools import count

from sens.decoding.messages import Arrival
from sens.domain.envelope import Envelope, EnvelopeKind, Stub, pack, stub_body, subject

_SEQUENCE = count(1)
RECEIVED_AT = 1_790_000_000_000_000


def publish(topic: str | bytes, payload: bytes, *, retain: bool = False, packet_id: int = 1) -> bytes:
    """A QoS 1 PUBLISH packet of MQTT 3.1.1."""
    name = topic if isinstance(topic, bytes) else topic.encode()
    body = struct.pack(">H", len(name)) + name + struct.pack(">H", packet_id) + payload
    length, rest = b"", len(body)
    while True:
        rest, low = rest >> 7, rest & 127
        length += bytes([low | (128 if rest else 0)])
        if not rest:
            return bytes([0x32 | retain]) + length + body


def envelope(
    *packets: bytes,
    source: str = "plant",
    kind: EnvelopeKind = EnvelopeKind.RAW,
    packet_bytes: int = 5_000_000,
    packet_id: int | None = 1,
    mqtt_version: int = 4,
    step_us: int = 1,
    session: str = "exclusive",
) -> Arrival:
    sequence = next(_SEQUENCE)
    body = b"".join(packets) if kind is EnvelopeKind.RAW else stub_body(Stub(packet_bytes, packet_id, packets[0]))
    data = pack(
        Envelope(
            id=sequence.to_bytes(16, "big"),
            epoch=b"12345678",
            kind=kind,
            mqtt_version=mqtt_version,
            source=source,
            session=session,
            received_at=RECEIVED_AT + sequence * 1000,
            messages=len(packets),
            total=sequence * 10,
            settled=0,
            previous=sequence - 1,
            body=body,
            step_us=step_us,
        )
    )
    return Arrival(sequence, subject(source, session), data, RECEIVED_AT)
