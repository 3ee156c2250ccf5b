"""Cuts what a broker sends into pieces: runs of PUBLISH packets, and control packets one by one.

A message is never copied out or made an object: one loop finds packet boundaries and packet ids.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from sens.mqtt.errors import InvalidOptions, MalformedPacket, ProtocolViolation
from sens.mqtt.packets import PacketType, read_pubrel
from sens.mqtt.publish import MAX_HEAD_BYTES, payload_start, read_head
from sens.mqtt.wire import read_length

MAX_CONTROL_BYTES = 1024 * 1024
"""A larger control packet (a SUBACK has a byte for each filter) is no honest one."""

MIN_PACKET_LIMIT_BYTES = 129
"""The largest packet whose length takes one byte: `_walk` does not compare such with the limit."""

_PUBREL = 0x62
_SHORT_PUBREL = b"\x62\x02"
_FROM_BROKER = {
    4: frozenset({0x20, _PUBREL, 0x90, 0xB0, 0xD0}),
    5: frozenset({0x20, _PUBREL, 0x90, 0xB0, 0xD0, 0xE0}),
}


class Publishes(NamedTuple):
    """A run of whole PUBLISH packets, as the broker sent them.

    Attributes:
        packets: the packets' bytes, end to end.
        messages: how many they are.
        qos1, qos2: packet ids of the messages with that QoS, in order.
        redelivered: how many of the messages with QoS 1 and 2 bear DUP=1.
    """

    packets: bytes
    messages: int
    qos1: list[int]
    qos2: list[int]
    redelivered: int = 0


class Oversize(NamedTuple):
    """A PUBLISH larger than the limit, of which only the beginning was kept.

    Attributes:
        first_bytes: its first bytes, from the fixed header on.
        packet_bytes: its whole size.
        packet_id: None at QoS 0.
    """

    first_bytes: bytes
    packet_bytes: int
    qos: int
    packet_id: int | None


class Releases(NamedTuple):
    """Packet ids of PUBRELs, in order."""

    packet_ids: list[int]


class Control(NamedTuple):
    """Any other packet.

    Attributes:
        first_byte: type and flags.
        body: what follows the fixed header.
    """

    first_byte: int
    body: bytes


Piece = Publishes | Oversize | Releases | Control


_Adders = dict[int, Callable[[int], None]]


def _both(first: Callable[[int], None], second: Callable[[int], None]) -> Callable[[int], None]:
    def add(packet_id: int) -> None:
        first(packet_id)
        second(packet_id)

    return add


class _Run:
    """PUBLISH packets that will leave as one piece.

    Nothing in it refers back to it: it has to go, with the packets, as soon as the piece is gone, not when the
    garbage collector comes by.
    """

    __slots__ = ("adders", "parts", "qos0", "qos1", "qos2", "redelivered", "size")

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self.qos0: list[int] = []  # a 1 for each message
        self.qos1: list[int] = []
        self.qos2: list[int] = []
        self.redelivered: list[int] = []
        self.adders: _Adders = {
            0x30: self.qos0.append,
            0x32: self.qos1.append,
            0x34: self.qos2.append,
            0x3A: _both(self.qos1.append, self.redelivered.append),
            0x3C: _both(self.qos2.append, self.redelivered.append),
        }

    def add(self, packets: bytes) -> None:
        """Add packets whose packet ids were added."""
        self.parts.append(packets)
        self.size += len(packets)

    def publishes(self) -> Publishes:
        messages = len(self.qos0) + len(self.qos1) + len(self.qos2)
        return Publishes(b"".join(self.parts), messages, self.qos1, self.qos2, len(self.redelivered))


class _Packet(NamedTuple):
    """Where a packet's body starts and where the packet ends, maybe behind what has arrived."""

    first_byte: int
    body: int
    end: int


def _walk(data: bytes, at: int, stop: int, most: int, with_properties: bool, adders: _Adders) -> int:
    """Pass over PUBLISH packets, handing each packet id to the adder of its kind. This is the hot loop.

    Args:
        stop: where to stop at the latest.
        most: a larger packet needs a closer look; at least `MIN_PACKET_LIMIT_BYTES`.
        adders: by the packet's first byte without RETAIN; at QoS 0 they get a 1.

    Returns:
        Where the first packet starts that is cut by `stop`, is no PUBLISH, or needs a closer look.
    """
    try:
        while at < stop:
            kind = data[at] & 0xFE
            add = adders[kind]
            remaining = data[at + 1]
            body = at + 2
            if remaining > 127:
                high = data[body]
                if high > 127:
                    break
                remaining += (high << 7) - 128
                body += 1
                if body + remaining - at > most:
                    break
            end = body + remaining
            topic_bytes = data[body] << 8 | data[body + 1]
            after = body + 2 + topic_bytes
            packet_id = 1
            if kind != 0x30:
                packet_id = data[after] << 8 | data[after + 1]
                after += 2
            if with_properties:
                properties_bytes = data[after]
                if properties_bytes > 127:
                    break
                after += 1 + properties_bytes
            if after > end or end > stop or not packet_id or not topic_bytes:
                break
            add(packet_id)
            at = end
    except LookupError:
        pass  # the packet at `at` is cut or no PUBLISH, or its topic's length is wrong
    return at


class Scanner:
    """Finds the packets in a stream of bytes, however it is cut into chunks.

    At most `max_packet_bytes` (a packet that is not whole yet) stay here between two chunks. After
    an error the scanner is of no further use.

    Args:
        mqtt_version: 4 (MQTT 3.1.1) or 5.
        max_packet_bytes: larger PUBLISH packets come as `Oversize`.
        max_piece_bytes: larger runs of PUBLISH packets are cut; a single packet may be larger.
        keep_bytes: how much of an oversize packet is kept.
    """

    def __init__(self, mqtt_version: int, *, max_packet_bytes: int, max_piece_bytes: int, keep_bytes: int) -> None:
        if not 0 < keep_bytes <= max_packet_bytes or max_piece_bytes < 1:
            raise InvalidOptions("limits must be at least 1 byte, and keep_bytes at most max_packet_bytes")
        if max_packet_bytes < MIN_PACKET_LIMIT_BYTES:
            raise InvalidOptions(f"max_packet_bytes is {max_packet_bytes}; give at least {MIN_PACKET_LIMIT_BYTES}")
        self._version = mqtt_version
        self._max_packet_bytes = max_packet_bytes
        self._max_piece_bytes = max_piece_bytes
        self._keep_bytes = keep_bytes
        self._rest = bytearray()  # the beginning of a packet
        self._wanted = 0  # how long `_rest` must be before another look is worth it
        self._skip = 0  # bytes of an oversize packet that are still to come
        self._oversize: Oversize | None = None
        self._run = _Run()
        self._pieces: list[Piece] = []
        self._released: list[int] = []

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """Take the next bytes; yields pieces in the order received, but PUBRELs at the chunk's end.

        Exhaust the iterator before the next call.

        Raises:
            MalformedPacket, ProtocolViolation: after all pieces that came before the bad packet.
        """
        error = None
        try:
            self._scan(self._with_rest(chunk))
        except (MalformedPacket, ProtocolViolation) as caught:
            error = caught
        self._end_run()
        if self._released:
            self._pieces.append(Releases(self._released))
            self._released = []
        pieces, self._pieces = self._pieces, []
        yield from pieces
        if error:
            raise error

    def _with_rest(self, chunk: bytes) -> bytes:
        """The chunk behind what was left of the one before; nothing while that is too short to go on."""
        if len(self._rest) + len(chunk) < self._wanted:
            self._rest += chunk
            return b""
        data = b"".join((self._rest, chunk)) if self._rest else chunk
        self._rest.clear()
        self._wanted = 0
        return data

    def _scan(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            reached = self._advance(data, at)
            if reached == at:
                break
            at = reached
        self._rest += data[at:]

    def _advance(self, data: bytes, at: int) -> int:
        """Pass over what starts at `at`; returns `at` itself if that is not whole yet."""
        if self._oversize:
            return self._skip_oversize(data, at, self._oversize)
        at = self._pass_publishes(data, at)
        packet = self._packet_at(data, at)
        if packet is None:
            return at
        if packet.first_byte >> 4 == PacketType.PUBLISH:
            return self._pass_publish(data, at, packet)
        if packet.first_byte == _PUBREL:
            return self._pass_pubrels(data, at, packet)
        self._end_run()
        self._pieces.append(Control(packet.first_byte, data[packet.body : packet.end]))
        return packet.end

    def _pass_publishes(self, data: bytes, at: int) -> int:
        """Add the PUBLISH packets that need no closer look to the run, as many as it has room for."""
        run = self._run
        stop = min(len(data), at + self._max_piece_bytes - run.size)
        reached = _walk(data, at, stop, self._max_packet_bytes, self._version == 5, run.adders)
        if reached > at:
            run.add(data[at:reached])
        return reached

    def _packet_at(self, data: bytes, at: int) -> _Packet | None:
        """The packet that starts at `at`; None while it is cut, unless it is an oversize PUBLISH."""
        if at == len(data):
            return None
        first_byte = data[at]
        is_publish = first_byte >> 4 == PacketType.PUBLISH
        if not is_publish and first_byte not in _FROM_BROKER[self._version]:
            raise _unexpected(first_byte)
        found = read_length(data, at + 1, len(data))
        if found is None:
            self._wanted = len(data) - at + 1
            return None
        packet = _Packet(first_byte, found[1], found[1] + found[0])
        size = packet.end - at
        if is_publish and size > self._max_packet_bytes:
            return packet
        if size > MAX_CONTROL_BYTES and not is_publish:
            raise MalformedPacket(
                f"the broker sent a control packet of {size} bytes; none is longer than {MAX_CONTROL_BYTES}"
            )
        if packet.end > len(data):
            self._wanted = size
            return None
        return packet

    def _pass_publish(self, data: bytes, at: int, packet: _Packet) -> int:
        """Pass one PUBLISH that the hot loop left: damaged, oversize, no room in the run, or unusually long."""
        size = packet.end - at
        if size > self._max_packet_bytes:
            return self._begin_oversize(data, at, packet)
        if self._run.size + size > self._max_piece_bytes:
            self._end_run()
        end = packet.end
        head = read_head(data, packet.first_byte, packet.body, end)
        payload_start(data, head, end, self._version)
        # DUP means nothing at QoS 0, where it must not stand.
        self._run.adders[packet.first_byte & (0xFE if head.qos else 0xF6)](head.packet_id or 1)
        self._run.add(data[at:end])
        return end

    def _begin_oversize(self, data: bytes, at: int, packet: _Packet) -> int:
        """Keep the first bytes of an oversize PUBLISH, once its packet id must be among them."""
        size = packet.end - at
        wanted = min(size, max(self._keep_bytes, MAX_HEAD_BYTES))
        if len(data) - at < wanted:
            self._wanted = wanted
            return at
        head = read_head(data, packet.first_byte, packet.body, packet.end)
        self._end_run()
        first_bytes = data[at : at + self._keep_bytes]
        self._oversize = Oversize(first_bytes, size, head.qos, head.packet_id)
        self._skip = size
        return self._skip_oversize(data, at, self._oversize)

    def _skip_oversize(self, data: bytes, at: int, oversize: Oversize) -> int:
        """Drop bytes of the oversize packet; its piece comes when all of it has been sent."""
        skipped = min(self._skip, len(data) - at)
        self._skip -= skipped
        if not self._skip:
            self._pieces.append(oversize)
            self._oversize = None
        return at + skipped

    def _pass_pubrels(self, data: bytes, at: int, packet: _Packet) -> int:
        """Pass a PUBREL and the short ones right behind it; they do not end a run of PUBLISH packets."""
        self._released.append(read_pubrel(data[packet.body : packet.end], self._version))
        at = packet.end
        while data[at : at + 2] == _SHORT_PUBREL and at + 4 <= len(data):
            packet_id = data[at + 2] << 8 | data[at + 3]
            if not packet_id:
                break
            self._released.append(packet_id)
            at += 4
        return at

    def _end_run(self) -> None:
        if self._run.size:
            self._pieces.append(self._run.publishes())
            self._run = _Run()


def _unexpected(first_byte: int) -> MalformedPacket | ProtocolViolation:
    """What is wrong with a packet that starts like this."""
    kind = first_byte >> 4
    if kind == 0:
        return MalformedPacket(f"the broker sent {first_byte:#04x}, which starts no MQTT packet: is it an MQTT broker?")
    name = PacketType(kind).name
    if any(allowed >> 4 == kind and allowed != first_byte for allowed in _FROM_BROKER[4]):
        return MalformedPacket(f"the broker sent {first_byte:#04x}, a {name} with wrong flags: is it an MQTT broker?")
    return ProtocolViolation(
        f"the broker sent {first_byte:#04x}, a {name}, which it may not send to this client: is it an MQTT broker?"
    )
