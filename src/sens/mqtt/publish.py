"""One PUBLISH packet, read with all its checks: the slow path beside the loops of `scanner` and `columns`."""

from typing import NamedTuple

from sens.mqtt.errors import MalformedPacket, ProtocolViolation
from sens.mqtt.wire import binary, length, read_length

_PUBLISH, _RETAIN = 0x30, 0x01
MAX_HEAD_BYTES = 1 + 4 + 2 + 65_535 + 2
"""No PUBLISH needs more up to the end of its packet id."""


class Head(NamedTuple):
    """Where a PUBLISH packet's parts lie, as indexes into the bytes it was read from.

    Attributes:
        packet_id: None at QoS 0.
        after: where the packet id ends; the payload (in MQTT 5 the properties) starts here.
    """

    qos: int
    packet_id: int | None
    topic_start: int
    topic_end: int
    after: int


def read_head(data: bytes, first_byte: int, body: int, end: int) -> Head:
    """Read a PUBLISH up to its packet id.

    Args:
        data: bytes that hold the packet, or at least its first `MAX_HEAD_BYTES`.
        first_byte: of the packet, with its flags.
        body: index at which the packet's body starts.
        end: index at which the packet ends.

    Raises:
        MalformedPacket: QoS 3, packet id 0, or a topic longer than the packet.
        ProtocolViolation: an empty topic.
    """
    qos = first_byte >> 1 & 3
    if qos == 3:
        raise MalformedPacket("the broker sent a message with QoS 3")
    topic_start = body + 2
    if topic_start > end:
        raise MalformedPacket("the broker sent a message that ends before its topic")
    topic_end = topic_start + int.from_bytes(data[body:topic_start], "big")
    after = topic_end + 2 if qos else topic_end
    if after > end:
        raise MalformedPacket("the broker sent a message whose topic is longer than the packet")
    if topic_end == topic_start:
        raise ProtocolViolation("the broker sent an empty topic (in MQTT 5 a topic alias, which this client forbids)")
    packet_id = int.from_bytes(data[topic_end:after], "big") if qos else None
    if packet_id == 0:
        raise MalformedPacket("the broker sent a message with the packet id 0")
    return Head(qos, packet_id, topic_start, topic_end, after)


def payload_start(data: bytes, head: Head, end: int, mqtt_version: int) -> int:
    """Where the payload of a whole packet that ends at `end` starts.

    Raises:
        MalformedPacket: the properties are longer than the packet.
    """
    if mqtt_version == 4:
        return head.after
    found = read_length(data, head.after, end)
    if found is None or found[1] + found[0] > end:
        raise MalformedPacket("the broker sent a message whose properties are longer than the packet")
    return found[1] + found[0]


def pack_publish(topic: bytes, payload: bytes, *, retain: bool = False) -> bytes:
    """A PUBLISH packet at QoS 0, as MQTT 3.1.1 writes it.

    Raises:
        InvalidOptions: the topic or the packet is too long for MQTT.
    """
    body = binary(topic, "topic") + payload
    return bytes((_PUBLISH | (_RETAIN if retain else 0),)) + length(len(body)) + body
