"""The edge to the broker: paho-mqtt in a thread of its own, which reconnects and resends by itself.

paho-mqtt and not aiomqtt: that one wraps it and makes each publish wait for its acknowledgement; here
thousands are in flight (measured: 10,000 messages/s at QoS 1, 67 µs CPU a message with making it).
"""

import secrets
import time
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from sens.runtime.tls import trusting
from sens.simulator.settings import Broker

KEEP_ALIVE_S = 30
MAX_RECONNECT_DELAY_S = 10
DRAIN_POLL_S = 0.02


class Publisher:
    """Publishes and counts. How many messages are in flight is for the caller to limit, below 65,536.

    The counters are written by one thread each and only read by others.

    Attributes:
        sent: messages handed to the client.
        acknowledged: of these, how many are done: PUBACK or PUBCOMP came, at QoS 0 it was written.
        connections: how often a connection was accepted.
        problem: why there is no connection, "" while there is one.
    """

    def __init__(self, broker: Broker, qos: int) -> None:
        self.sent = 0
        self.acknowledged = 0
        self.connections = 0
        self.problem = "not connected yet"
        self._broker = broker
        self._qos = qos
        self._client = self._make_client()

    def _make_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"sens-simulator-{secrets.token_hex(4)}",
            protocol=MQTTProtocolVersion.MQTTv311,
        )
        # No limit of its own: with one, paho searches all messages in flight at each acknowledgement.
        client.max_inflight_messages_set(0)
        client.max_queued_messages_set(0)
        client.reconnect_delay_set(min_delay=1, max_delay=MAX_RECONNECT_DELAY_S)
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, self._broker.password)
        if self._broker.tls:
            # paho leaves the parameter untyped.
            client.tls_set_context(trusting())  # pyright: ignore[reportUnknownMemberType]
        client.on_connect = self._connected
        client.on_connect_fail = self._connect_failed
        client.on_disconnect = self._disconnected
        client.on_publish = self._published
        return client

    def start(self) -> None:
        """Begin to connect, and go on trying until it works."""
        self._client.connect_async(self._broker.host, self._broker.port, keepalive=KEEP_ALIVE_S)
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes) -> None:
        """Hand a message over; it is kept and sent again until it is acknowledged."""
        self._client.publish(topic, payload, self._qos)
        self.sent += 1

    @property
    def connected(self) -> bool:
        return not self.problem

    @property
    def in_flight(self) -> int:
        return self.sent - self.acknowledged

    def drain(self, timeout_s: float) -> None:
        """Wait until all is acknowledged, the connection is lost, or `timeout_s` is over."""
        end = time.monotonic() + timeout_s
        while self.in_flight and self.connected and time.monotonic() < end:
            time.sleep(DRAIN_POLL_S)

    def close(self) -> None:
        """Say goodbye to the broker and end the thread."""
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, _client: Any, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if code.is_failure:
            self.problem = f"the broker refused the connection: {code}"
        else:
            self.connections += 1
            self.problem = ""

    def _connect_failed(self, _client: Any, _data: Any) -> None:
        self.problem = f"no broker answers at {self._broker.host}:{self._broker.port}"

    def _disconnected(self, _client: Any, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        # A refusal has named its reason already.
        if self.connected:
            self.problem = f"the connection was lost: {code}"

    def _published(self, _client: Any, _data: Any, _mid: int, _code: ReasonCode, _properties: Any) -> None:
        self.acknowledged += 1
