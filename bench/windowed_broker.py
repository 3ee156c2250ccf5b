"""A broker that enforces an in-flight window, as mosquitto does not: sends so many QoS 1 messages, and one more
for each PUBACK. `python -m bench.windowed_broker --help`

MQTT 5 for one subscriber, who gets messages until all are acknowledged; then a line of JSON is printed.
"""

import argparse
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from bench.messages import uniform
from bench.packets import Ring, packet

CONNECT, PUBACK, SUBSCRIBE, PINGREQ = 0x10, 0x40, 0x82, 0xC0
# No session present, accepted, no properties.
CONNACK = packet(0x20, b"\0\0\0")
PINGRESP = packet(0xD0)
RING = 20_000


@dataclass(frozen=True, slots=True)
class Passed:
    """What went through. Times are of the machine's monotonic clock, in s."""

    messages: int
    started_at: float
    ended_at: float

    @property
    def rate(self) -> float:
        return self.messages / (self.ended_at - self.started_at)


class Subscriber:
    """The connection of the one subscriber."""

    def __init__(self, connection: socket.socket, window: int, total: int) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = connection
        self.window = window
        self.total = total
        messages = uniform(min(RING, total))
        self.ring = Ring(messages.topics, messages.payloads, mqtt_version=5)
        self.sent = 0
        self.acknowledged = 0
        self._rest = b""

    def serve(self) -> Iterator[Passed]:
        """Serve until it goes; yields once, when all is acknowledged."""
        started_at = 0.0
        while data := self.connection.recv(65_536):
            before = self.sent
            if self._take(data) and self.acknowledged == self.total:
                yield Passed(self.total, started_at, time.monotonic())
            if self.sent and not before:
                started_at = time.monotonic()

    def _take(self, data: bytes) -> int:
        """Answer packets, then send as many messages as were acknowledged. Returns how many were."""
        data = self._rest + data
        at = acknowledged = 0
        while at + 2 <= len(data):
            size, start = _length(data, at + 1)
            if start + size > len(data):
                break
            acknowledged += data[at] == PUBACK
            self._answer(data[at], data[start : start + size])
            at = start + size
        self._rest = data[at:]
        self.acknowledged += acknowledged
        self._send(acknowledged)
        return acknowledged

    def _answer(self, first_byte: int, body: bytes) -> None:
        if first_byte == CONNECT:
            self.connection.sendall(CONNACK)
        elif first_byte == SUBSCRIBE:
            self.connection.sendall(packet(0x90, body[:2], b"\0", b"\1" * _filters(body)))
            self._send(self.window)
        elif first_byte == PINGREQ:
            self.connection.sendall(PINGRESP)

    def _send(self, count: int) -> None:
        left = min(count, self.total - self.sent)
        while left:
            taken, data = self.ring.take(left)
            self.connection.sendall(data)
            self.sent += taken
            left -= taken


def _length(data: bytes, at: int) -> tuple[int, int]:
    """A variable byte integer, and where it ends. One that is cut off counts as longer than any packet."""
    value = shift = 0
    while at < len(data):
        value |= (data[at] & 0x7F) << shift
        at, shift, more = at + 1, shift + 7, data[at] & 0x80
        if not more:
            return value, at
    return 1 << 28, at


def _filters(body: bytes) -> int:
    """How many filters a SUBSCRIBE has."""
    size, at = _length(body, 2)
    at += size
    count = 0
    while at < len(body):
        at += 2 + int.from_bytes(body[at : at + 2], "big") + 1
        count += 1
    return count


def main() -> None:
    parser = argparse.ArgumentParser("python -m bench.windowed_broker", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="to listen on, on this machine only")
    parser.add_argument("--messages", type=int, required=True, help="how many to send")
    parser.add_argument("--window", type=int, default=20, help="how many may be unacknowledged")
    options = parser.parse_args()
    with socket.create_server(("127.0.0.1", options.port)) as server:
        print("ready", flush=True)
        connection, _ = server.accept()
        for passed in Subscriber(connection, options.window, options.messages).serve():
            print(json.dumps(asdict(passed)), flush=True)


if __name__ == "__main__":
    main()
