"""A handler that remembers what came, and a few ways to connect it and to publish."""

import asyncio
import secrets
import ssl
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from sens.domain.errors import SensError
from sens.mqtt.columns import Publish, walk
from sens.mqtt.packets import ConnectAck
from sens.mqtt.receiver import Connection, ConnectOptions, connect
from sens.mqtt.scanner import Oversize, Publishes

HOST = "127.0.0.1"
WAIT_S = 15.0


class Recorder:
    """Remembers pieces and calls; acknowledges at once from `acknowledge_with` on."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.calls: list[str] = []
        self.acks: list[ConnectAck] = []
        self.pieces: list[Publishes] = []
        self.oversizes: list[Oversize] = []
        self.errors: list[SensError | None] = []
        self.connection: Connection | None = None
        self.on_received: Callable[[Publishes], None] | None = None
        self.changed = asyncio.Event()

    def acknowledge_with(self, connection: Connection) -> None:
        """Acknowledge what comes, and what came before `connect` returned."""
        self.connection = connection
        for piece in self.pieces:
            connection.acknowledge(piece.qos1, piece.qos2)

    def connected(self, ack: ConnectAck) -> None:
        self.acks.append(ack)
        self._note("connected")

    def received(self, piece: Publishes) -> None:
        self.pieces.append(piece)
        if self.connection:
            self.connection.acknowledge(piece.qos1, piece.qos2)
        if self.on_received:
            self.on_received(piece)
        self._note("received")

    def oversize(self, oversize: Oversize) -> None:
        self.oversizes.append(oversize)
        self._note("oversize")

    def settled(self) -> None:
        self._note("settled")

    def closed(self, error: SensError | None) -> None:
        self.errors.append(error)
        self._note("closed")

    def _note(self, call: str) -> None:
        self.calls.append(call)
        self.changed.set()

    @property
    def messages(self) -> int:
        return sum(piece.messages for piece in self.pieces)

    @property
    def ids(self) -> list[int]:
        return [packet.packet_id for packet in self.packets if packet.packet_id is not None]

    @property
    def packets(self) -> list[Publish]:
        return [packet for piece in self.pieces for packet in walk(piece.packets, self.version)]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


def client_id() -> str:
    return f"sens-{secrets.token_hex(6)}"


async def open_connection(port: int, version: int, **options: Any) -> tuple[Recorder, Connection]:
    recorder = Recorder(version)
    given: dict[str, Any] = {"client_id": client_id(), "version": version, **options}
    connection = await connect(HOST, port, ConnectOptions(**given), recorder)
    return recorder, connection


@contextmanager
def publisher(port: int, tls: ssl.SSLContext | None) -> Generator[Client]:
    """A connected paho client in its own thread."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=client_id(), protocol=MQTTProtocolVersion.MQTTv311)
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.max_inflight_messages_set(1000)
    if tls:
        client.tls_set_context(tls)
    client.connect(HOST, port)
    client.loop_start()
    try:
        assert connected.wait(WAIT_S)
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def publish(
    port: int, messages: Iterable[tuple[str, bytes, int]], *, retain: bool = False, tls: ssl.SSLContext | None = None
) -> None:
    """Publish (topic, payload, QoS) and wait until the broker has acknowledged all."""
    with publisher(port, tls) as client:
        sent: list[MQTTMessageInfo] = [client.publish(topic, payload, qos, retain) for topic, payload, qos in messages]
        for info in sent:
            info.wait_for_publish(WAIT_S)
            assert info.is_published()
