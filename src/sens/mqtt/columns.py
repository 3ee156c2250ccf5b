"""Reads the PUBLISH packets of an envelope back: as columns, one by one, or the beginning of one."""

from collections.abc import Iterator
from typing import NamedTuple

from sens.mqtt.errors import DamagedPackets, MalformedPacket, ProtocolViolation
from sens.mqtt.publish import payload_start, read_head
from sens.mqtt.wire import read_length

_PUBLISH_FIRST_BYTES = frozenset(first for first in range(0x30, 0x40) if first & 6 != 6)


class PublishColumns(NamedTuple):
    """N messages.

    Attributes:
        topics, payloads: N each, as sent.
        first_bytes: N; bit 0 is RETAIN, bits 1 and 2 are the QoS, bit 3 is DUP.
    """

    topics: list[bytes]
    payloads: list[bytes]
    first_bytes: list[int]


class Publish(NamedTuple):
    """One PUBLISH packet.

    Attributes:
        start, end: where it lies in the bytes it was read from.
        packet_id: None at QoS 0.
    """

    start: int
    end: int
    qos: int
    dup: bool
    retain: bool
    packet_id: int | None
    topic: bytes
    payload: bytes


def columns(packets: bytes, mqtt_version: int) -> PublishColumns:
    """Topics and payloads of whole PUBLISH packets that lie end to end.

    Raises:
        DamagedPackets: the bytes are something else.
    """
    found = PublishColumns([], [], [])
    try:
        end = _read(packets, mqtt_version == 5, found)
    except IndexError:
        end = -1
    if end != len(packets) or not _PUBLISH_FIRST_BYTES.issuperset(found.first_bytes):
        raise DamagedPackets(f"{len(packets)} bytes that are not whole PUBLISH packets")
    return found


def _read(packets: bytes, with_properties: bool, into: PublishColumns) -> int:
    """The hot loop. Returns where it ended, which is the packets' end unless they are damaged."""
    at, stop = 0, len(packets)
    add_topic, add_payload, add_first = into.topics.append, into.payloads.append, into.first_bytes.append
    while at < stop:
        first = packets[at]
        remaining = packets[at + 1]
        body = at + 2
        if remaining > 127:
            high = packets[body]
            if high > 127:
                remaining, body = _long_length(packets, at + 1)
            else:
                remaining += (high << 7) - 128
                body += 1
        at = body + remaining
        topic = body + 2
        topic_end = topic + (packets[body] << 8 | packets[body + 1])
        payload = topic_end + 2 if first & 6 else topic_end
        if with_properties:
            length = packets[payload]
            payload += 1 + length
            if length > 127:
                length, start = _long_length(packets, payload - 1 - length)
                payload = start + length
        if payload > at:
            return -1
        add_first(first)
        add_topic(packets[topic:topic_end])
        add_payload(packets[payload:at])
    return at


def _long_length(packets: bytes, at: int) -> tuple[int, int]:
    try:
        found = read_length(packets, at, len(packets))
    except MalformedPacket as error:
        raise IndexError from error
    if found is None:
        raise IndexError
    return found


def walk(packets: bytes, mqtt_version: int) -> Iterator[Publish]:
    """One PUBLISH packet after the other: several times slower than `columns`, for the rare look at packet ids.

    Raises:
        DamagedPackets: the bytes are not whole PUBLISH packets that lie end to end.
    """
    at = 0
    while at < len(packets):
        publish = _read_one(packets, at, mqtt_version)
        yield publish
        at = publish.end


def _read_one(packets: bytes, at: int, mqtt_version: int) -> Publish:
    first = packets[at]
    try:
        found = read_length(packets, at + 1, len(packets))
        if found is None or found[0] + found[1] > len(packets) or first not in _PUBLISH_FIRST_BYTES:
            raise DamagedPackets(f"no whole PUBLISH packet at byte {at} of {len(packets)}")
        body, end = found[1], found[0] + found[1]
        head = read_head(packets, first, body, end)
        payload = payload_start(packets, head, end, mqtt_version)
    except (MalformedPacket, ProtocolViolation) as error:
        raise DamagedPackets(f"the PUBLISH packet at byte {at} of {len(packets)} is damaged: {error}") from error
    topic = packets[head.topic_start : head.topic_end]
    return Publish(at, end, head.qos, bool(first & 8), bool(first & 1), head.packet_id, topic, packets[payload:end])


def truncated(first_bytes: bytes, mqtt_version: int) -> tuple[bytes, bytes]:
    """Topic and first payload bytes of a PUBLISH packet of which only the beginning was kept.

    Never raises: what is missing or damaged is empty or cut.
    """
    try:
        topic, topic_end = _topic_place(first_bytes)
    except IndexError:
        return b"", b""
    payload = topic_end + 2 if first_bytes[0] & 6 else topic_end
    if mqtt_version == 5:
        try:
            length, start = _long_length(first_bytes, payload)
        except IndexError:
            return first_bytes[topic:topic_end], b""
        payload = start + length
    return first_bytes[topic:topic_end], first_bytes[payload:]


def _topic_place(first_bytes: bytes) -> tuple[int, int]:
    """Where the topic starts and where it would end. IndexError where that is cut."""
    _, body = _long_length(first_bytes, 1)
    return body + 2, body + 2 + (first_bytes[body] << 8 | first_bytes[body + 1])
