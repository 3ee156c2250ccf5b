"""What the database knows of messages that the log still holds, many at once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast
from uuid import UUID

from sens.domain.columns import Kind
from sens.storage.queries import load
from sens.storage.read_quarantine import State
from sens.storage.reads import AsyncConnection, fetch, fetch_columns
from sens.storage.times import timestamp


class Place(NamedTuple):
    """Where a message stands in the log."""

    envelope_id: UUID
    position: int


@dataclass(frozen=True, slots=True)
class EnvelopeCounts:
    """An envelope's line in the ledger: its messages by outcome, and its readings."""

    envelope_id: UUID
    decoded: int
    ignored: int
    quarantined: int
    readings: int
    stored: int
    duplicate: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a message in quarantine."""

    id: int
    envelope_id: UUID
    position: int
    reason: str
    detail: str
    state: int


class Wanted(NamedTuple):
    """A reading to look for. `time`: µs since 1970 UTC."""

    device: str
    metric: str
    unit: str
    kind: Kind
    time: int


async def count_envelopes(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, EnvelopeCounts]:
    """By id, those envelopes that are stored."""
    rows = await fetch(connection, load("fates")["envelopes"], {"envelopes": list(ids)}, EnvelopeCounts)
    return {row.envelope_id: row for row in rows}


async def find_entries(connection: AsyncConnection, places: Sequence[Place]) -> dict[Place, Entry]:
    """By place, of those messages that are or were in quarantine: the last that is not replayed, else the last."""
    parameters = {"envelopes": [each.envelope_id for each in places], "positions": [each.position for each in places]}
    rows = await fetch(connection, load("fates")["quarantined"], parameters, Entry)
    rows.sort(key=lambda row: (row.state != State.REPLAYED, row.id))
    return {Place(row.envelope_id, row.position): row for row in rows}


async def find_stored(connection: AsyncConnection, source: str, wanted: Sequence[Wanted]) -> dict[int, float | str]:
    """The values that a source's devices have stored: by index into `wanted`; a boolean's is 0 or 1."""
    texts = {at: each for at, each in enumerate(wanted) if each.kind is Kind.TEXT}
    others = {at: each for at, each in enumerate(wanted) if each.kind is not Kind.TEXT}
    found: dict[int, float | str] = {}
    for query, some in (("stored_numbers", others), ("stored_texts", texts)):
        if some:
            columns = await fetch_columns(connection, load("fates")[query], _parameters(source, some))
            found |= dict(cast("zip[tuple[int, float | str]]", zip(*columns, strict=True)))
    return found


def _parameters(source: str, wanted: Mapping[int, Wanted]) -> dict[str, object]:
    devices, metrics, units, kinds, times = zip(*wanted.values(), strict=True)
    return {
        "source": source,
        "at": list(wanted),
        "device": list(devices),
        "metric": list(metrics),
        "unit": list(units),
        "kind": [int(kind) for kind in kinds],
        "time": [timestamp(time) for time in times],
        "oldest": timestamp(min(times)),
        "newest": timestamp(max(times)),
    }
