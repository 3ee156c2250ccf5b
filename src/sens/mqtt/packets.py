"""Control packets of MQTT 3.1.1 (version 4) and 5, as this client sends and reads them. Pure.

Encoders return a whole packet; decoders take the body, which is what follows the fixed header.
A sender of PUBLISH packets is not needed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from sens.mqtt import reason_codes, wire
from sens.mqtt.wire import Fields

NEVER_EXPIRES = 0xFFFFFFFF
"""A session expiry in seconds that stands for "never"."""

PINGREQ = b"\xc0\x00"


class PacketType(IntEnum):
    """The upper four bits of a packet's first byte."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


@dataclass(frozen=True, slots=True)
class Connect:
    """What a CONNECT says.

    Attributes:
        keep_alive_s: 0 to 65,535; 0 switches the broker's check off.
        session_expiry_s: MQTT 5 only: how long the broker keeps the session after a disconnect.
        receive_maximum: MQTT 5 only: how many QoS 1 and 2 messages may be unacknowledged.
    """

    mqtt_version: int
    client_id: str
    clean_start: bool
    keep_alive_s: int
    username: str | None = None
    password: bytes | None = None
    session_expiry_s: int = 0
    receive_maximum: int = 65_535


class ConnectAck(NamedTuple):
    """What a CONNACK says; MQTT 3.1.1 has only the first three, the rest are its defaults there.

    Attributes:
        reason: `reason_code` in words.
        server_keep_alive_s, session_expiry_s, reason_string, server_reference: None where the broker leaves it
            as asked or unsaid.
    """

    session_present: bool
    reason_code: int
    reason: str
    server_keep_alive_s: int | None = None
    session_expiry_s: int | None = None
    shared_subscription_available: bool = True
    wildcard_available: bool = True
    reason_string: str | None = None
    server_reference: str | None = None


class Acknowledgement(NamedTuple):
    """What a SUBACK or UNSUBACK says: a reason code for each filter (none in UNSUBACK of 3.1.1)."""

    packet_id: int
    reason_codes: list[int]
    reason_string: str | None = None


class Disconnect(NamedTuple):
    """What a broker's DISCONNECT says (MQTT 5)."""

    reason_code: int
    reason: str
    reason_string: str | None = None
    server_reference: str | None = None


def _packet(first_byte: int, *fields: bytes) -> bytes:
    body = b"".join(fields)
    return bytes((first_byte,)) + wire.length(len(body)) + body


def connect(options: Connect) -> bytes:
    """A CONNECT without a will. Topic aliases are refused, and no maximum packet size is announced.

    Raises:
        InvalidOptions: a text cannot be expressed.
    """
    flags = options.clean_start << 1 | (options.password is not None) << 6 | (options.username is not None) << 7
    fields = [b"\x00\x04MQTT", bytes((options.mqtt_version, flags)), options.keep_alive_s.to_bytes(2, "big")]
    if options.mqtt_version == 5:
        fields.append(_connect_properties(options))
    fields.append(wire.string(options.client_id, "client id"))
    if options.username is not None:
        fields.append(wire.string(options.username, "user name"))
    if options.password is not None:
        fields.append(wire.binary(options.password, "password"))
    return _packet(PacketType.CONNECT << 4, *fields)


def _connect_properties(options: Connect) -> bytes:
    properties = b"".join(
        (
            bytes((wire.SESSION_EXPIRY_INTERVAL,)) + options.session_expiry_s.to_bytes(4, "big"),
            bytes((wire.RECEIVE_MAXIMUM,)) + options.receive_maximum.to_bytes(2, "big"),
            bytes((wire.TOPIC_ALIAS_MAXIMUM, 0, 0)),
        )
    )
    return wire.length(len(properties)) + properties


def read_connack(body: bytes, mqtt_version: int) -> ConnectAck:
    """Read a CONNACK's body.

    Raises:
        MalformedPacket: it is none.
    """
    fields = Fields(body, "CONNACK")
    session_present = bool(fields.number(1) & 1)
    code = fields.number(1)
    reason = reason_codes.connack_text(code)
    if mqtt_version == 4 or not fields.left:  # a broker that does not know version 5 answers in the older form
        fields.end()
        return ConnectAck(session_present, code, reason)
    properties = fields.properties()
    fields.end()
    return ConnectAck(
        session_present,
        code,
        reason,
        server_keep_alive_s=properties.optional_number(wire.SERVER_KEEP_ALIVE),
        session_expiry_s=properties.optional_number(wire.SESSION_EXPIRY_INTERVAL),
        shared_subscription_available=bool(properties.number(wire.SHARED_SUBSCRIPTION_AVAILABLE, 1)),
        wildcard_available=bool(properties.number(wire.WILDCARD_SUBSCRIPTION_AVAILABLE, 1)),
        reason_string=properties.text(wire.REASON_STRING),
        server_reference=properties.text(wire.SERVER_REFERENCE),
    )


def subscribe(packet_id: int, filters: Sequence[tuple[str, int]], mqtt_version: int) -> bytes:
    """A SUBSCRIBE to pairs of topic filter and QoS.

    In MQTT 5 the other options stay 0: the retain flag is set only on messages that were retained
    before the subscription.

    Raises:
        InvalidOptions: a filter cannot be expressed.
    """
    entries = [wire.string(filter_, "topic filter") + bytes((qos,)) for filter_, qos in filters]
    return _packet(PacketType.SUBSCRIBE << 4 | 2, _identified(packet_id, mqtt_version), *entries)


def unsubscribe(packet_id: int, filters: Sequence[str], mqtt_version: int) -> bytes:
    """An UNSUBSCRIBE of topic filters.

    Raises:
        InvalidOptions: a filter cannot be expressed.
    """
    entries = [wire.string(filter_, "topic filter") for filter_ in filters]
    return _packet(PacketType.UNSUBSCRIBE << 4 | 2, _identified(packet_id, mqtt_version), *entries)


def _identified(packet_id: int, mqtt_version: int) -> bytes:
    return packet_id.to_bytes(2, "big") + (b"\x00" if mqtt_version == 5 else b"")


def read_suback(body: bytes, mqtt_version: int) -> Acknowledgement:
    """Read a SUBACK's body.

    Raises:
        MalformedPacket: it is none.
    """
    return _read_acknowledgement(Fields(body, "SUBACK"), mqtt_version)


def read_unsuback(body: bytes, mqtt_version: int) -> Acknowledgement:
    """Read an UNSUBACK's body.

    Raises:
        MalformedPacket: it is none.
    """
    return _read_acknowledgement(Fields(body, "UNSUBACK"), mqtt_version)


def _read_acknowledgement(fields: Fields, mqtt_version: int) -> Acknowledgement:
    packet_id = fields.packet_id()
    reason_string = fields.properties().text(wire.REASON_STRING) if mqtt_version == 5 else None
    return Acknowledgement(packet_id, list(fields.take(fields.left)), reason_string)


def pubacks(packet_ids: Sequence[int]) -> bytes:
    """PUBACKs for QoS 1 messages, in the order given."""
    return _acknowledgements(0x40, packet_ids)


def pubrecs(packet_ids: Sequence[int]) -> bytes:
    """PUBRECs for QoS 2 messages, in the order given."""
    return _acknowledgements(0x50, packet_ids)


def pubcomps(packet_ids: Sequence[int]) -> bytes:
    """PUBCOMPs for PUBRELs, in the order given."""
    return _acknowledgements(0x70, packet_ids)


def _acknowledgements(first_byte: int, packet_ids: Sequence[int]) -> bytes:
    """4 bytes each: success has the same short form in both versions."""
    rows = np.empty(len(packet_ids), dtype=[("header", ">u2"), ("packet_id", ">u2")])
    rows["header"] = first_byte << 8 | 2
    rows["packet_id"] = packet_ids
    return rows.tobytes()


def read_pubrel(body: bytes, mqtt_version: int) -> int:
    """The packet id of a PUBREL.

    Raises:
        MalformedPacket: the body is none.
    """
    fields = Fields(body, "PUBREL")
    packet_id = fields.packet_id()
    if mqtt_version == 5 and fields.left:
        fields.number(1)
        fields.properties()
    fields.end()
    return packet_id


def disconnect(mqtt_version: int, reason_code: int = 0) -> bytes:
    """A DISCONNECT; only MQTT 5 can say why."""
    if mqtt_version == 4 or reason_code == 0:
        return b"\xe0\x00"
    return bytes((0xE0, 1, reason_code))


def read_disconnect(body: bytes) -> Disconnect:
    """Read the body of a broker's DISCONNECT (MQTT 5).

    Raises:
        MalformedPacket: it is none.
    """
    fields = Fields(body, "DISCONNECT")
    code = fields.number(1) if fields.left else 0
    properties = fields.properties()
    fields.end()
    return Disconnect(
        code, reason_codes.text(code), properties.text(wire.REASON_STRING), properties.text(wire.SERVER_REFERENCE)
    )
