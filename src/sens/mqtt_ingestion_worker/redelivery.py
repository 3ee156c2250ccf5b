"""Messages that are on disk although the broker may not know: it will deliver them again.

A crash, or a lost connection, between JetStream's confirmation and PUBACK makes the broker redeliver
with DUP=1 and the same packet ids. What is found here is acknowledged without publishing it again, so
even readings without a time of their own are stored once. Limits: a broker that renumbers packet ids
at its restart, or that reuses the lowest free id for an equal message.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import structlog

from sens.domain.envelope import MAX_REDELIVERED, Envelope, EnvelopeKind
from sens.mqtt.columns import Publish, truncated, walk
from sens.mqtt.errors import DamagedPackets
from sens.mqtt.scanner import Oversize, Publishes
from sens.mqtt_ingestion_worker.settlement import Settlement

log: structlog.stdlib.BoundLogger = structlog.get_logger()

DUP = 8


class Live:
    """Packet ids of messages that came on this connection.

    Some brokers deliver again on a live connection when an acknowledgement takes long. With DUP=1 such an
    id can then only be the message that came under it last.
    """

    def __init__(self, settlement: Settlement) -> None:
        self._settlement = settlement
        self._totals: dict[int, int] = {}  # packet id → running total with the message that came under it last
        self._came: deque[tuple[Sequence[int], int]] = deque()  # what is not in `_totals` yet
        self._came_ids = 0

    def came(self, packet_ids: Sequence[int], total: int) -> None:
        """Messages came with which the running total will be `total`. Costs nothing per message."""
        if packet_ids:
            self._came.append((packet_ids, total))
            self._came_ids += len(packet_ids)
        while self._came and (self._came[0][1] <= self._settlement.read or self._came_ids > MAX_REDELIVERED):
            self._came_ids -= len(self._came.popleft()[0])

    def clear(self) -> None:
        self._totals.clear()
        self._came.clear()
        self._came_ids = 0

    def is_pending(self, packet_id: int) -> bool:
        """Whether its message is not acknowledged yet."""
        return self._total(packet_id) > self._settlement.acknowledged

    def is_acknowledged(self, packet_id: int) -> bool:
        """Whether its message is acknowledged, which the broker may not have read yet."""
        return self._settlement.read < self._total(packet_id) <= self._settlement.acknowledged

    def _total(self, packet_id: int) -> int:
        while self._came:
            packet_ids, total = self._came.popleft()
            self._totals.update(dict.fromkeys(packet_ids, total))
        self._came_ids = 0
        return self._totals.get(packet_id, 0)


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

    def __init__(self) -> None:
        self._hashes: dict[int, int] = {}

    def remember(self, older: Envelope) -> bool:
        """Add an envelope that is on disk and older than all that were added before; False if it cannot be read
        back: then the list ends here.

        What a later message has the packet id of can't come again.
        """
        try:
            hashes = _hashes_of_stub(older) if older.kind is EnvelopeKind.STUB else _hashes(older)
        except DamagedPackets as error:
            log.warning("damaged_envelope", source=older.source, session=older.session, error=str(error))
            return False
        for packet_id, hash_ in hashes.items():
            self._hashes.setdefault(packet_id, hash_)
        return True

    def update(self, newer: "Redelivery") -> None:
        """Add what is remembered of newer envelopes."""
        self._hashes.update(newer._hashes)

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
                if live.is_pending(packet.packet_id):
                    part = waiting
                elif live.is_acknowledged(packet.packet_id) or self._has(packet):
                    part = known
            part.add(piece.packets[packet.start : packet.end], packet.qos, packet.packet_id)
        return Sorted(new.piece(), known.piece(), len(waiting.packets))


def _hashes(envelope: Envelope) -> dict[int, int]:
    return {
        packet.packet_id: hash((packet.topic, packet.payload))
        for packet in walk(envelope.body, envelope.mqtt_version)
        if packet.packet_id is not None
    }


def _hashes_of_stub(envelope: Envelope) -> dict[int, int]:
    stub = envelope.stub()
    if stub.packet_id is None:
        return {}
    return {stub.packet_id: _hash_of_stub(stub.packet_bytes, stub.first_bytes, envelope.mqtt_version)}


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
