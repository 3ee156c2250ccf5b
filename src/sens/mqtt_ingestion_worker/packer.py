"""What was received and is not yet packed: pieces of whole PUBLISH packets, in order."""

from collections import deque
from dataclasses import dataclass, field

from sens.domain.envelope import EnvelopeKind, Stub, stub_body
from sens.mqtt.scanner import Oversize, Publishes


@dataclass(slots=True)
class Pack:
    """The content of one envelope, and what to acknowledge once it is on disk.

    Attributes:
        received_at: µs since 1970 UTC, when the first of its messages arrived.
        qos1, qos2: packet ids in the order received.
    """

    kind: EnvelopeKind
    body: bytes
    messages: int
    received_at: int
    qos1: list[int] = field(default_factory=list[int])
    qos2: list[int] = field(default_factory=list[int])


@dataclass(slots=True)
class _Waiting:
    received_at: int
    piece: Publishes | Oversize


class Packer:
    """A queue of pieces that is emptied an envelope at a time.

    Args:
        max_envelope_bytes: no pack's body is larger, except where a single piece is.
    """

    def __init__(self, max_envelope_bytes: int) -> None:
        self.max_envelope_bytes = max_envelope_bytes
        self.bytes = 0
        self.messages = 0
        self._waiting: deque[_Waiting] = deque()

    @property
    def full(self) -> bool:
        """Whether the next envelope would leave with no room to spare."""
        return self.bytes >= self.max_envelope_bytes

    def add(self, piece: Publishes, received_at: int) -> None:
        self._waiting.append(_Waiting(received_at, piece))
        self.bytes += len(piece.packets)
        self.messages += piece.messages

    def add_oversize(self, piece: Oversize, received_at: int) -> None:
        self._waiting.append(_Waiting(received_at, piece))
        self.bytes += len(piece.first_bytes)
        self.messages += 1

    def take(self) -> Pack:
        """The next envelope's content. Only when `messages` is not 0."""
        first = self._waiting[0]
        if isinstance(first.piece, Oversize):
            return self._take_oversize(self._waiting.popleft().received_at, first.piece)
        pieces, size = list[Publishes](), 0
        while self._waiting:
            piece = self._waiting[0].piece
            if isinstance(piece, Oversize) or (pieces and size + len(piece.packets) > self.max_envelope_bytes):
                break
            pieces.append(piece)
            size += len(piece.packets)
            self._waiting.popleft()
        return self._join(first.received_at, pieces)

    def _join(self, received_at: int, pieces: list[Publishes]) -> Pack:
        pack = Pack(
            EnvelopeKind.RAW,
            b"".join([piece.packets for piece in pieces]) if len(pieces) > 1 else pieces[0].packets,
            sum(piece.messages for piece in pieces),
            received_at,
        )
        for piece in pieces:
            pack.qos1 += piece.qos1
            pack.qos2 += piece.qos2
        self.bytes -= len(pack.body)
        self.messages -= pack.messages
        return pack

    def _take_oversize(self, received_at: int, piece: Oversize) -> Pack:
        self.bytes -= len(piece.first_bytes)
        self.messages -= 1
        ids = [] if piece.packet_id is None else [piece.packet_id]
        return Pack(
            EnvelopeKind.STUB,
            stub_body(Stub(piece.packet_bytes, piece.packet_id, piece.first_bytes)),
            1,
            received_at,
            qos1=ids if piece.qos == 1 else [],
            qos2=ids if piece.qos == 2 else [],
        )
