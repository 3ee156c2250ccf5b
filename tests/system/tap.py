"""A wire between broker and worker that a test can listen to, hold back and cut.

Reads just enough of MQTT to know which messages were delivered and which of them were acknowledged.
"""

import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

HOST = "127.0.0.1"
CHUNK_BYTES = 65_536
CONNECT, PUBLISH, PUBACK, PUBREC = 1, 3, 4, 5
ACKNOWLEDGEMENTS = (PUBACK, PUBREC)
"""With either the worker takes a message over, and the broker may forget it."""


class Tap:
    """Listens on `port` and passes each connection on to the broker.

    Attributes:
        delivered: number of a message → how often the broker has passed it on to a worker.
        acked: numbers whose PUBACK or PUBREC went to the broker.
        lost: numbers whose PUBACK or PUBREC was written by a worker and never reached the broker.
    """

    def __init__(self, broker_port: int) -> None:
        self.delivered: Counter[int] = Counter()
        self.acked: set[int] = set()
        self.lost: set[int] = set()
        self._broker_port = broker_port
        self._holding = threading.Event()
        self._wires: list[_Wire] = []
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="tap", daemon=True).start()

    def hold(self) -> None:
        """From now on, nothing that workers write reaches the broker, until `release()`."""
        self._holding.set()

    def release(self) -> None:
        """Cut the connections that were held, because their bytes are gone, and let new ones through."""
        self.cut()
        self._holding.clear()

    def cut(self) -> None:
        """End all connections."""
        for wire in self._wires:
            wire.cut()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                worker, _ = self._listener.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection((HOST, self._broker_port), timeout=5)
            except OSError:
                worker.close()
                continue
            broker.settimeout(None)
            wire = _Wire(worker, broker)
            self._wires.append(wire)
            threading.Thread(target=wire.pump, args=(broker, worker, self._to_worker), daemon=True).start()
            threading.Thread(target=wire.pump, args=(worker, broker, self._to_broker), daemon=True).start()

    def _to_worker(self, wire: "_Wire", packet: bytes, body_at: int) -> bool:
        if packet[0] >> 4 == PUBLISH:
            packet_id, number = read_publish(packet, body_at, has_properties=wire.has_properties)
            wire.numbers[packet_id] = number
            self.delivered[number] += 1
        return True

    def _to_broker(self, wire: "_Wire", packet: bytes, body_at: int) -> bool:
        held = self._holding.is_set()
        kind = packet[0] >> 4
        if kind == CONNECT:
            wire.has_properties = packet[body_at + 6] == 5
        elif kind in ACKNOWLEDGEMENTS:
            number = wire.numbers[int.from_bytes(packet[body_at : body_at + 2])]
            (self.lost if held else self.acked).add(number)
        return not held


class _Wire:
    """One connection. `numbers`: packet id → number of the message that bears it. `has_properties`: MQTT 5."""

    def __init__(self, worker: socket.socket, broker: socket.socket) -> None:
        self.numbers: dict[int, int] = {}
        self.has_properties = True
        self._ends = (worker, broker)

    def cut(self) -> None:
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def pump(self, source: socket.socket, target: socket.socket, passes: "Decision") -> None:
        """Pass whole packets on until one end closes."""
        buffer = b""
        try:
            while chunk := source.recv(CHUNK_BYTES):
                buffer += chunk
                passed, end = bytearray(), 0
                for start, body_at, end in packets(buffer):
                    if passes(self, buffer[start:end], body_at - start):
                        passed += buffer[start:end]
                buffer = buffer[end:]
                target.sendall(passed)
        except OSError:
            pass
        finally:
            self.cut()


class Decision(Protocol):
    """Whether a packet is passed on."""

    def __call__(self, wire: _Wire, packet: bytes, body_at: int) -> bool: ...


def packets(buffer: bytes) -> Iterator[tuple[int, int, int]]:
    """(start, start of the body, end) of each whole packet."""
    start = 0
    while start + 2 <= len(buffer):
        length = _variable_integer(buffer, start + 1)
        if length is None or length[1] + length[0] > len(buffer):
            return
        end = length[1] + length[0]
        yield start, length[1], end
        start = end


def _variable_integer(buffer: bytes, at: int) -> tuple[int, int] | None:
    """(value, where it ends); None if more bytes are needed."""
    value, shift = 0, 0
    while at < len(buffer):
        value |= (buffer[at] & 0x7F) << shift
        at += 1
        if buffer[at - 1] < 0x80:
            return value, at
        shift += 7
    return None


def read_publish(packet: bytes, body_at: int, *, has_properties: bool) -> tuple[int, int]:
    """(packet id, our number) of a PUBLISH with QoS 1 or 2."""
    topic_end = body_at + 2 + int.from_bytes(packet[body_at : body_at + 2])
    packet_id = int.from_bytes(packet[topic_end : topic_end + 2])
    payload_at = topic_end + 2
    if has_properties:
        properties = _variable_integer(packet, payload_at)
        assert properties is not None
        payload_at = sum(properties)
    return packet_id, json.loads(packet[payload_at:])["n"]
