"""Packets as another implementation encodes them: what paho-mqtt would write to its socket."""

import struct
from types import SimpleNamespace
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions


class Paho(Client):
    """A client without a socket; `packets` is what it would have sent."""

    def __init__(self, mqtt_version: int, client_id: str = "oracle", clean: bool = False) -> None:
        options: dict[str, Any] = {"protocol": MQTTProtocolVersion.MQTTv5}
        if mqtt_version == 4:
            options = {"protocol": MQTTProtocolVersion.MQTTv311, "clean_session": clean}
        super().__init__(CallbackAPIVersion.VERSION2, client_id=client_id, **options)
        self.mqtt_version = mqtt_version
        self.packets: list[bytes] = []
        no_socket: Any = SimpleNamespace(close=lambda: None)
        self._sock = no_socket

    def _packet_queue(self, command: int, packet: Any, *_: Any, **__: Any) -> Any:
        self.packets.append(bytes(packet))
        return 0

    def connect_packet(self, keep_alive_s: int, clean: bool, properties: Properties | None = None) -> bytes:
        self._clean_start = clean
        self._connect_properties = properties
        self._send_connect(keep_alive_s)
        return self.packets.pop()

    def subscribe_packet(self, filters: list[tuple[str, int]]) -> bytes:
        five = self.mqtt_version == 5
        self._send_subscribe(0, [(name.encode(), SubscribeOptions(qos=qos) if five else qos) for name, qos in filters])
        return self.packets.pop()

    def unsubscribe_packet(self, filters: list[str]) -> bytes:
        self._send_unsubscribe(0, [name.encode() for name in filters])
        return self.packets.pop()

    def publish_packet(
        self, topic: bytes, payload: bytes, qos: int, packet_id: int = 1, *, dup: bool = False, retain: bool = False,
        properties: Properties | None = None,
    ) -> bytes:  # fmt: skip
        self._send_publish(packet_id, topic, payload, qos, retain, dup, None, properties)
        return self.packets.pop()


def user_properties(*pairs: tuple[str, str]) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)
    if pairs:
        properties.UserProperty = list(pairs)
    return properties


def control(first_byte: int, body: bytes) -> bytes:
    """A packet of less than 128 bytes, or with the length that paho would write."""
    packet = bytearray((first_byte,))
    Paho(4)._pack_remaining_length(packet, len(body))
    return bytes(packet) + body


def two_bytes(value: int) -> bytes:
    return struct.pack(">H", value)
