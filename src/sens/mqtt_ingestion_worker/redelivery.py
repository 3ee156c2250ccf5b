"""Messages that are on disk although the broker may not know: it will deliver them again.

A crash, or a lost connection, between JetStream's confirmation and PUBACK makes the broker redeliver
with DUP=1 and the same packet ids. What is found here is acknowledged without publishing it again, so
even readings without a time of their own are stored once. Limits: a broker that renumbers packet ids
at its restart, or that reuses the lowest free id for an equal message.
"""

from collections.abc import Iterable
from typing import NamedTuple

import structlog

from sens.domain.envelope import Envelope, EnvelopeKind
from sens.mqtt.columns import Publish, truncated, walk
from sens.mqtt.errors import DamagedPackets
from sens.mqtt.scanner import Oversize, Publishes

log: structlog.stdlib.BoundLogger = structlog.get_logger()

DUP = 8
MAX_MESSAGES = 65_535
"""A broker has at most this many packet ids in flight."""


class Live(NamedTuple):
    """Packet ids of messages that came on this connection.

    Some brokers deliver again on a live connection when an acknowledgement takes long. With DUP=1 such an
    id can then only be the message that came under it last.

    Attributes:
        pending: not acknowledged yet.
        acknowledged: acknowledged, which the broker may not have read yet.
    """

    pending: set[int]
    acknowledged: set[int]


class Sorted(NamedTuple):
    """A piece with redeliveries, sorted.

    Attributes:
        new: to be published.
        known: on disk already: only to be acknowledged.
        waiting: how many are a second copy of a message that will be acknowledged when it is on disk.
    """

    new: Publishes | None
    known: Publishes | None
    waiting: int


class Redelivery:
    """Packet id → hash of topic and payload, of messages that may be delivered again."""

    def __init__(self, recent: Iterable[Envelope] = ()) -> None:
        """Args: recent: envelopes that are on disk, the oldest first."""
        self._hashes: dict[int, int] = {}
        for envelope in recent:
            try:
                self._remember(envelope)
            except DamagedPackets as error:
                # The list starts after what cannot be read back.
                self._hashes.clear()
                log.warning("damaged_envelope", source=envelope.source, session=envelope.session, error=str(error))

    def _remember(self, envelope: Envelope) -> None:
        if envelope.kind is EnvelopeKind.STUB:
            self._remember_stub(envelope)
            return
        for packet in walk(envelope.body, envelope.mqtt_version):
            if packet.packet_id is not None:
                self._hashes[packet.packet_id] = hash((packet.topic, packet.payload))

    def _remember_stub(self, envelope: Envelope) -> None:
        stub = envelope.stub()
        if stub.packet_id is not None:
            self._hashes[stub.packet_id] = _hash_of_stub(stub.packet_bytes, stub.first_bytes, envelope.mqtt_version)

    def __len__(self) -> int:
        return len(self._hashes)

    def knows(self, piece: Oversize, mqtt_version: int) -> bool:
        """Whether an oversize message is a redelivery of one that is on disk."""
        return (
            bool(piece.first_bytes[0] & DUP)
            and piece.packet_id is not None
            and self._hashes.get(piece.packet_id) == _hash_of_stub(piece.packet_bytes, piece.first_bytes, mqtt_version)
        )

    def _has(self, packet: Publish) -> bool:
        return self._hashes.get(packet.packet_id or 0) == hash((packet.topic, packet.payload))

    def split(self, piece: Publishes, mqtt_version: int, live: Live) -> Sorted:
        """Sort the messages of a piece."""
        new, known, waiting = _Part(), _Part(), _Part()
        for packet in walk(piece.packets, mqtt_version):
            part = new
            if packet.dup and packet.packet_id is not None:
                if packet.packet_id in live.pending:
                    part = waiting
                elif packet.packet_id in live.acknowledged or self._has(packet):
                    part = known
            part.add(piece.packets[packet.start : packet.end], packet.qos, packet.packet_id)
        return Sorted(new.piece(), known.piece(), len(waiting.packets))


def _hash_of_stub(packet_bytes: int, first_bytes: bytes, mqtt_version: int) -> int:
    """Without the properties: the expiry of a message grows less while it waits to be delivered again."""
    return hash((packet_bytes, *truncated(first_bytes, mqtt_version)))


class _Part:
    def __init__(self) -> None:
        self.packets = list[bytes]()
        self.ids: dict[int, list[int]] = {1: [], 2: []}

    def add(self, packet: bytes, qos: int, packet_id: int | None) -> None:
        self.packets.append(packet)
        if packet_id is not None:
            self.ids[qos].append(packet_id)

    def piece(self) -> Publishes | None:
        if not self.packets:
            return None
        return Publishes(b"".join(self.packets), len(self.packets), self.ids[1], self.ids[2])
