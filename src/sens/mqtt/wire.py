"""MQTT's data types as bytes: integers, strings, lengths, and the properties of MQTT 5.

Source: MQTT 5.0 sections 1.5 and 2.2.2; MQTT 3.1.1 sections 1.5 and 2.2.3.
"""

from sens.mqtt.errors import InvalidOptions, MalformedPacket

MAX_STRING_BYTES = 65_535
MAX_REMAINING_LENGTH = 268_435_455

SESSION_EXPIRY_INTERVAL = 0x11
SERVER_KEEP_ALIVE = 0x13
SERVER_REFERENCE = 0x1C
REASON_STRING = 0x1F
RECEIVE_MAXIMUM = 0x21
TOPIC_ALIAS_MAXIMUM = 0x22
WILDCARD_SUBSCRIPTION_AVAILABLE = 0x28
SHARED_SUBSCRIPTION_AVAILABLE = 0x2A

_USER_PROPERTY = 0x26
_SUBSCRIPTION_IDENTIFIER = 0x0B
_BYTE = frozenset({0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A})
_TWO_BYTES = frozenset({0x13, 0x21, 0x22, 0x23})
_FOUR_BYTES = frozenset({0x02, 0x11, 0x18, 0x27})
_STRING = frozenset({0x03, 0x08, 0x12, 0x15, 0x1A, 0x1C, 0x1F})
_BINARY = frozenset({0x09, 0x16})


def length(value: int) -> bytes:
    """A variable byte integer of 1 to 4 bytes.

    Raises:
        InvalidOptions: more than 268,435,455.
    """
    if value > MAX_REMAINING_LENGTH:
        raise InvalidOptions(f"a packet of {value} bytes; MQTT allows {MAX_REMAINING_LENGTH}: send less at once")
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def read_length(data: bytes, at: int, stop: int) -> tuple[int, int] | None:
    """A variable byte integer that starts at `at`, and where it ends; None if `stop` cuts it.

    Raises:
        MalformedPacket: it has more than 4 bytes.
    """
    value = shift = 0
    for position in range(at, min(at + 4, stop)):
        byte = data[position]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position + 1
        shift += 7
    if stop - at >= 4:
        raise MalformedPacket("the broker sent a length of more than 4 bytes")
    return None


def binary(value: bytes, what: str) -> bytes:
    """Bytes behind their length; `what` names them in the error.

    Raises:
        InvalidOptions: more than 65,535 bytes.
    """
    if len(value) > MAX_STRING_BYTES:
        raise InvalidOptions(f"the {what} has {len(value)} bytes; MQTT allows {MAX_STRING_BYTES}: shorten it")
    return len(value).to_bytes(2, "big") + value


def string(value: str, what: str) -> bytes:
    """UTF-8 behind its length; `what` names it in the error.

    Raises:
        InvalidOptions: longer than 65,535 bytes, holds a NUL or half a surrogate pair.
    """
    try:
        encoded = value.encode()
    except UnicodeEncodeError as error:
        raise InvalidOptions(f"the {what} cannot be written as UTF-8: remove the character {error.start}") from error
    if b"\0" in encoded:
        raise InvalidOptions(f"the {what} holds a NUL character, which MQTT forbids: remove it")
    return binary(encoded, what)


class Properties:
    """The properties of an MQTT 5 packet, user properties left out."""

    __slots__ = ("_numbers", "_texts")

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._texts: dict[int, str] = {}

    def number(self, identifier: int, default: int) -> int:
        return self._numbers.get(identifier, default)

    def optional_number(self, identifier: int) -> int | None:
        return self._numbers.get(identifier)

    def text(self, identifier: int) -> str | None:
        return self._texts.get(identifier)

    def add(self, identifier: int, fields: "Fields") -> None:
        """Read the value of one property."""
        repeats = identifier in self._numbers or identifier in self._texts
        if identifier == _USER_PROPERTY:
            fields.string()
            fields.string()
        elif identifier == _SUBSCRIPTION_IDENTIFIER:
            fields.length()
        elif repeats:
            raise MalformedPacket(f"the broker sent the property {identifier:#04x} twice in one packet")
        elif identifier in _STRING:
            self._texts[identifier] = fields.string()
        elif identifier in _BINARY:
            fields.binary()
        else:
            self._numbers[identifier] = fields.number(_number_bytes(identifier))


def _number_bytes(identifier: int) -> int:
    for identifiers, size in ((_BYTE, 1), (_TWO_BYTES, 2), (_FOUR_BYTES, 4)):
        if identifier in identifiers:
            return size
    raise MalformedPacket(f"the broker sent the unknown property {identifier:#04x}")


class Fields:
    """Reads the fields of one control packet's body in turn; each read raises MalformedPacket at its end."""

    __slots__ = ("_at", "_body", "_packet")

    def __init__(self, body: bytes, packet: str) -> None:
        self._body = body
        self._packet = packet
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes have not been read."""
        return len(self._body) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise MalformedPacket(f"the broker sent a {self._packet} that ends in the middle of a field")
        self._at += size
        return self._body[self._at - size : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def length(self) -> int:
        found = read_length(self._body, self._at, len(self._body))
        if found is None:
            raise MalformedPacket(f"the broker sent a {self._packet} that ends in the middle of a length")
        value, self._at = found
        return value

    def binary(self) -> bytes:
        return self.take(self.number(2))

    def string(self) -> str:
        try:
            return self.binary().decode()
        except UnicodeDecodeError as error:
            raise MalformedPacket(f"the broker sent a {self._packet} with a text that is not UTF-8") from error

    def packet_id(self) -> int:
        found = self.number(2)
        if not found:
            raise MalformedPacket(f"the broker sent a {self._packet} with the packet id 0")
        return found

    def properties(self) -> Properties:
        """The property length and what it spans; no property where the body has ended."""
        properties = Properties()
        if not self.left:
            return properties
        inner = Fields(self.take(self.length()), self._packet)
        while inner.left:
            properties.add(inner.length(), inner)
        return properties

    def end(self) -> None:
        """Check that nothing is left."""
        if self.left:
            raise MalformedPacket(f"the broker sent a {self._packet} with {self.left} bytes too many")
