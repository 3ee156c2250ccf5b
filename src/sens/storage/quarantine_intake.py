"""Messages into quarantine, up to a cap per source; beyond it they are counted, with a sample.

At the cap the oldest replayed or discarded messages make room. What is open is never deleted: when
nothing else is left, what comes is counted by topic and reason, and the first payload of each is kept.
"""

import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple, cast

import numpy as np

from sens.domain.reasons import Reason
from sens.storage.arrays import times, uuids
from sens.storage.connection import Connection
from sens.storage.queries import load

REFRESH_S = 30.0
"""How long a source's totals are believed; other workers' intake in that time may exceed the cap."""
MAX_OVERFLOW_TOPICS = 1_000
"""Topics and reasons counted one by one in a source's overflow; later ones share the topic ''."""
MAX_OVERFLOW_TOPIC_BYTES = 1_024
MAX_SAMPLE_BYTES = 65_536
MAX_DETAIL_CHARACTERS = 1_000
MAX_EXTRA_EVICTIONS = 1_000
"""How many more messages than came may be deleted at once, where the deleted ones are smaller."""
_SQL = load("quarantine_intake")


class QuarantineLimits(NamedTuple):
    """The cap of each source, over all states. Bytes are those of topics and payloads."""

    max_rows: int = 100_000
    max_bytes: int = 1 << 30


LimitsOf = Callable[[int], QuarantineLimits]
"""Source id → its cap."""


def same_limits(limits: QuarantineLimits | None = None) -> LimitsOf:
    """The same cap for every source."""
    return lambda _: limits or QuarantineLimits()


class Entry(NamedTuple):
    """A row for quarantine. `received_at` in µs since 1970 UTC."""

    source_id: int
    envelope_id: bytes
    position: int
    received_at: int
    topic: bytes
    payload: bytes
    reason: Reason
    detail: str
    retained: bool = False

    @property
    def size(self) -> int:
        """Bytes that count towards the cap."""
        return len(self.topic) + len(self.payload)


class Intake(NamedTuple):
    """How many entries were kept, and how many only counted."""

    kept: int = 0
    overflowed: int = 0


@dataclass(slots=True)
class _Room:
    """What a source's quarantine can still take, as of `read_at` (monotonic seconds)."""

    free_rows: int
    free_bytes: int
    read_at: float
    overflow: set[tuple[str, bytes]] = field(default_factory=set[tuple[str, bytes]])

    def take(self, entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
        """Split into what fits, in order, and what does not."""
        kept, rest = list[Entry](), list[Entry]()
        for entry in entries:
            if self.free_rows > 0 and self.free_bytes >= entry.size:
                self.free_rows -= 1
                self.free_bytes -= entry.size
                kept.append(entry)
            else:
                rest.append(entry)
        return kept, rest


class QuarantineIntake:
    """A worker's way into quarantine, with each source's totals kept between batches."""

    def __init__(self, limits: LimitsOf, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits_of = limits
        self._clock = clock
        self._rooms: dict[int, _Room] = {}

    def forget(self) -> None:
        """After a rollback: read the totals again."""
        self._rooms.clear()

    def take(
        self, connection: Connection, entries: Sequence[Entry], *, counted: AbstractSet[bytes] | None = None
    ) -> Intake:
        """Insert what fits and count the rest, inside the caller's transaction.

        Args:
            counted: ids of the envelopes whose rest is counted; None: all.
        """
        kept = overflowed = 0
        for source_id, group in groupby(sorted(entries, key=lambda entry: entry.source_id), lambda e: e.source_id):
            fits, rest = self._fit(connection, source_id, list(group))
            _insert(connection, fits)
            if counted is not None:
                rest = [entry for entry in rest if entry.envelope_id in counted]
            self._count(connection, source_id, rest)
            kept, overflowed = kept + len(fits), overflowed + len(rest)
        return Intake(kept, overflowed)

    def _fit(self, connection: Connection, source_id: int, entries: list[Entry]) -> tuple[list[Entry], list[Entry]]:
        room = self._room(connection, source_id)
        fits, rest = room.take(entries)
        if rest:
            short = {
                "source_id": source_id,
                "rows": max(0, len(rest) - room.free_rows),
                "bytes": max(0, sum(entry.size for entry in rest) - room.free_bytes),
                "at_most": len(rest) + MAX_EXTRA_EVICTIONS,
            }
            for (freed,) in connection.execute(_SQL["evict"], short).fetchall():
                room.free_rows += 1
                room.free_bytes += cast("int", freed)
            more, rest = room.take(rest)
            fits += more
        return fits, rest

    def _room(self, connection: Connection, source_id: int) -> _Room:
        room, now = self._rooms.get(source_id), self._clock()
        if room is None or now - room.read_at > REFRESH_S:
            rows, size = cast("tuple[int, int]", connection.execute(_SQL["totals"], (source_id,)).fetchone())
            counted = connection.execute(_SQL["overflow_keys"], (source_id,)).fetchall()
            limits = self._limits_of(source_id)
            room = _Room(limits.max_rows - rows, limits.max_bytes - size, now)
            room.overflow = {(str(reason), cast("bytes", topic)) for reason, topic in counted}
            self._rooms[source_id] = room
        return room

    def _count(self, connection: Connection, source_id: int, entries: list[Entry]) -> None:
        known, groups = self._rooms[source_id].overflow, dict[tuple[str, bytes], list[Entry]]()
        for entry in entries:
            key = (entry.reason.value, entry.topic[:MAX_OVERFLOW_TOPIC_BYTES])
            if key not in known and len(known) >= MAX_OVERFLOW_TOPICS:
                key = (entry.reason.value, b"")
            known.add(key)
            groups.setdefault(key, []).append(entry)
        if groups:
            received = [[entry.received_at for entry in group] for group in groups.values()]
            parameters = {
                "source_id": source_id,
                "reason": [reason for reason, _ in groups],
                "topic": [topic for _, topic in groups],
                "count": np.array([len(group) for group in groups.values()], np.int64),
                "first_at": times(np.array([min(each) for each in received], np.int64)),
                "last_at": times(np.array([max(each) for each in received], np.int64)),
                "sample": [group[0].payload[:MAX_SAMPLE_BYTES] for group in groups.values()],
            }
            connection.execute(_SQL["count_overflow"], parameters)


def _insert(connection: Connection, entries: list[Entry]) -> None:
    if not entries:
        return
    parameters = {
        "source_id": np.array([entry.source_id for entry in entries], np.int32),
        "envelope_id": uuids(entry.envelope_id for entry in entries),
        "position": np.array([entry.position for entry in entries], np.int32),
        "received_at": times(np.array([entry.received_at for entry in entries], np.int64)),
        "retained": [entry.retained for entry in entries],
        "topic": [entry.topic for entry in entries],
        "payload": [entry.payload for entry in entries],
        "reason": [entry.reason.value for entry in entries],
        "detail": [storable_text(entry.detail)[:MAX_DETAIL_CHARACTERS] for entry in entries],
    }
    connection.execute(_SQL["insert"], parameters)


def storable_text(text: str) -> str:
    """The text with what PostgreSQL cannot hold (NUL, halves of surrogate pairs) written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
