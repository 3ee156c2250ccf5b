"""Streams of valid packets, with what a receiver must find in them."""

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import strategies as st

from sens.mqtt.scanner import Control, Oversize, Publishes, Releases, Scanner
from unit.mqtt.oracle import Paho, control, two_bytes, user_properties

PACKET_ID = st.integers(1, 65_535)
TOPIC = st.text(st.characters(codec="utf-8", exclude_characters="\0+#"), min_size=1, max_size=40).map(str.encode)
PAYLOAD = st.one_of(
    st.binary(max_size=60),
    st.integers(60, 20_000).map(lambda size: b"p" * size),
    st.sampled_from([118, 119, 120, 16_370, 16_376, 16_380]).map(bytes),
)


@dataclass
class Message:
    topic: bytes
    payload: bytes
    qos: int
    packet_id: int
    dup: bool
    retain: bool
    user: list[tuple[str, str]] = field(default_factory=list)

    def packet(self, version: int) -> bytes:
        properties = user_properties(*self.user) if version == 5 else None
        return Paho(version).publish_packet(
            self.topic, self.payload, self.qos, self.packet_id, dup=self.dup, retain=self.retain, properties=properties
        )


USER = st.lists(st.tuples(st.sampled_from(["a", "k" * 80, "ü" * 60]), st.text(max_size=3)), max_size=3)
MESSAGE = st.builds(Message, TOPIC, PAYLOAD, st.integers(0, 2), PACKET_ID, st.booleans(), st.booleans(), USER)
PUBREL = PACKET_ID.map(lambda packet_id: control(0x62, two_bytes(packet_id)))
OTHER = st.sampled_from([control(0xD0, b""), control(0x90, b"\x00\x05\x01"), control(0xB0, b"\x00\x06")])


@dataclass
class Seen:
    """What a scanner found, in a form that does not depend on how the stream was cut."""

    publishes: bytes = b""
    messages: int = 0
    qos1: list[int] = field(default_factory=list)
    qos2: list[int] = field(default_factory=list)
    redelivered: int = 0
    released: list[int] = field(default_factory=list)
    oversize: list[Oversize] = field(default_factory=list)
    controls: list[Control] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    largest_piece: int = 0


def scan(scanner: Scanner, chunks: list[bytes], into: Seen | None = None) -> Seen:
    seen = into or Seen()
    for chunk in chunks:
        for piece in scanner.feed(chunk):
            if isinstance(piece, Publishes):
                seen.publishes += piece.packets
                seen.messages += piece.messages
                seen.qos1 += piece.qos1
                seen.qos2 += piece.qos2
                seen.redelivered += piece.redelivered
                seen.largest_piece = max(seen.largest_piece, len(piece.packets))
            elif isinstance(piece, Releases):
                seen.released += piece.packet_ids
            elif isinstance(piece, Oversize):
                seen.oversize.append(piece)
            else:
                seen.controls.append(piece)
            if not isinstance(piece, Releases):
                name = type(piece).__name__
                if name != "Publishes" or not seen.order or seen.order[-1] != name:
                    seen.order.append(name)
    return seen


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream cut at `places`, taken modulo its length."""
    at = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[start:end] for start, end in pairwise(at)]
