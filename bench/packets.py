"""MQTT in bulk for the load generator: packets encoded once, of which only the packet ids change.

Source: MQTT 3.1.1 and 5.0, sections 3.1 to 3.12. Written from the specification and not shared with the
product, so that neither's mistakes hide the other's.
"""

import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

QOS_1 = 0x32
PUBACK_BYTES = 4
# The product's own limit of unacknowledged messages; ids are given in turn from 1.
MAX_PACKET_ID = 65_535
STAMP_DIGITS = 16


class Ring:
    """N PUBLISH packets in one buffer, sent in turn, over and over.

    Attributes:
        next_id: packet id of the next one.
    """

    def __init__(self, topics: Sequence[bytes], payloads: Sequence[bytes], mqtt_version: int = 4) -> None:
        properties = b"\0" if mqtt_version == 5 else b""
        packets = [_publish(topic, payload, properties) for topic, payload in zip(topics, payloads, strict=True)]
        lengths = np.fromiter(map(len, packets), np.int64, len(packets))
        trailers = np.fromiter(map(len, payloads), np.int64, len(packets)) + len(properties)
        data = bytearray(b"".join(packets))
        self._view, self._buffer = memoryview(data), np.frombuffer(data, np.uint8)
        self._ends = np.concatenate(([0], np.cumsum(lengths)))
        self._id_at = self._ends[1:] - trailers - 2
        self._at = 0
        self.next_id = 1

    def __len__(self) -> int:
        return len(self._id_at)

    def take(self, most: int) -> tuple[int, memoryview]:
        """Up to `most` packets with new ids: how many, and their bytes, valid until the next round."""
        start, end = self._at, min(self._at + most, len(self))
        ids = (np.arange(self.next_id - 1, self.next_id - 1 + end - start) % MAX_PACKET_ID) + 1
        places = self._id_at[start:end]
        self._buffer[places] = ids >> 8
        self._buffer[places + 1] = ids & 0xFF
        self.next_id = int(ids[-1]) % MAX_PACKET_ID + 1
        self._at = end % len(self)
        return end - start, self._view[self._ends[start] : self._ends[end]]


class StampedRing(Ring):
    """A ring whose payloads end with a number of `STAMP_DIGITS` digits and a brace: the number is set to the µs since
    1970 UTC when the packet is taken."""

    def take(self, most: int) -> tuple[int, memoryview]:
        first = self._at
        count, packets = super().take(most)
        stamp = b"%0*d" % (STAMP_DIGITS, time.time_ns() // 1000)
        for end in self._ends[first + 1 : first + 1 + count] - self._ends[first] - 1:
            packets[end - STAMP_DIGITS : end] = stamp
        return count, packets


def _publish(topic: bytes, payload: bytes, properties: bytes) -> bytes:
    return packet(QOS_1, struct.pack(">H", len(topic)), topic, b"\0\0", properties, payload)


def packet(first_byte: int, *parts: bytes) -> bytes:
    """A packet with its length put before it."""
    body = b"".join(parts)
    length, left = bytearray(), len(body)
    while True:
        left, seven = left >> 7, left & 0x7F
        length.append(seven | (0x80 if left else 0))
        if not left:
            return bytes((first_byte,)) + bytes(length) + body


def text(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


def pubacks(ids: NDArray[Any]) -> bytes:
    """PUBACK packets; `ids` is uint8[n, 2] as received."""
    answers = np.empty((len(ids), PUBACK_BYTES), np.uint8)
    answers[:, 0], answers[:, 1], answers[:, 2:] = 0x40, 2, ids
    return answers.tobytes()


class Client:
    """An MQTT 3.1.1 connection with a new session, on a blocking socket."""

    def __init__(self, port: int, client_id: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(60)
        self.socket.sendall(packet(0x10, b"\x00\x04MQTT\x04\x02\x00\x00", text(client_id.encode())))
        answer = self._exactly(4)
        if answer != b"\x20\x02\x00\x00":
            raise ConnectionError(f"the broker answered CONNECT with {answer.hex()}")

    def subscribe(self, topic_filter: str) -> None:
        self.socket.sendall(packet(0x82, b"\0\1", text(topic_filter.encode()), b"\1"))
        answer = self._exactly(5)
        if answer != b"\x90\x03\x00\x01\x01":
            raise ConnectionError(f"the broker answered SUBSCRIBE with {answer.hex()}")

    def wake_at(self, size: int) -> None:
        """Let the next receive wait until `size` bytes are there: waking for each PUBACK would cost more than
        everything else."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, max(1, size))

    def _exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            more = self.socket.recv(size - len(found))
            if not more:
                raise ConnectionError("the broker closed the connection")
            found += more
        return found
