"""The quarantine, for the API: look at it, discard from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import cast
from uuid import UUID

from sens.storage.queries import load
from sens.storage.reads import AsyncConnection, fetch, fetch_columns, limited
from sens.storage.times import timestamp


class State(IntEnum):
    """Stored: never renumber."""

    OPEN = 0
    REPLAYED = 1
    DISCARDED = 2


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A message in quarantine without its payload; times in µs. `session`: "" where the ledger knows no more."""

    id: int
    source: str
    envelope_id: UUID
    position: int
    received_at: int
    topic: bytes
    payload_bytes: int
    reason: str
    detail: str
    state: int
    changed_at: int
    tenant_id: int
    session: str


@dataclass(frozen=True, slots=True)
class OpenFilter:
    """Which open messages: those that fit everything given.

    Attributes:
        tenant_id: None: of any.
        received_from, received_before: µs.
        until: the highest id that is looked at.
        after: envelopes up to this place were looked at; see `OpenEnvelope.first_id`.
    """

    tenant_id: int | None = None
    source: str | None = None
    reason: str | None = None
    received_from: int | None = None
    received_before: int | None = None
    until: int = 0
    after: int = 0

    def parameters(self) -> dict[str, object]:
        return {
            "tenant_id": self.tenant_id,
            "source": self.source,
            "reason": self.reason,
            "received_from": None if self.received_from is None else timestamp(self.received_from),
            "received_before": None if self.received_before is None else timestamp(self.received_before),
            "until": self.until,
            "after": self.after,
        }


@dataclass(frozen=True, slots=True)
class OpenEnvelope:
    """An envelope with open messages that fit. `first_id`: its place in the order; `ids`: those messages."""

    first_id: int
    envelope_id: UUID
    ids: list[int]


@dataclass(frozen=True, slots=True)
class QuarantineCount:
    """How much of one reason and state a source has in quarantine."""

    source: str
    reason: str
    state: int
    messages: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Overflow:
    """What came for a full quarantine: counted, with one payload as a sample."""

    source: str
    reason: str
    topic: bytes
    count: int
    first_at: int
    last_at: int
    sample: bytes


async def list_quarantined(
    connection: AsyncConnection,
    tenant_id: int | None = None,
    *,
    source: str | None = None,
    reason: str | None = None,
    state: State | None = State.OPEN,
    before: int | None = None,
    limit: int = 100,
) -> list[Quarantined]:
    """Newest first, those with an id below `before`; `tenant_id`, `state` None: any."""
    parameters = {
        "tenant_id": tenant_id,
        "source": source,
        "reason": reason,
        "state": None if state is None else int(state),
        "before": before,
        "limit": limited(limit),
    }
    return await fetch(connection, load("read_quarantine")["list"], parameters, Quarantined)


async def find_quarantined(
    connection: AsyncConnection, quarantine_id: int, tenant_id: int | None = None
) -> tuple[Quarantined, bytes] | None:
    """A message in quarantine and its payload, if of the tenant; None: of any."""
    parameters = {"id": quarantine_id, "tenant_id": tenant_id}
    found = await fetch(connection, load("read_quarantine")["find"], parameters, Quarantined)
    payload = await fetch_columns(connection, load("read_quarantine")["payload"], {"id": quarantine_id})
    return (found[0], cast(bytes, payload[0][0])) if found and payload else None


async def count_quarantined(connection: AsyncConnection, tenant_id: int | None = None) -> list[QuarantineCount]:
    """By source, reason and state; of the tenant, None: of all."""
    return await fetch(connection, load("read_quarantine")["count"], {"tenant_id": tenant_id}, QuarantineCount)


async def discard_quarantined(connection: AsyncConnection, quarantine_ids: Sequence[int]) -> list[int]:
    """Settle open messages for good; the ledger goes on counting them. Returns the ids that were open."""
    parameters = {"ids": list(quarantine_ids), "state": int(State.DISCARDED)}
    columns = await fetch_columns(connection, load("read_quarantine")["change_state"], parameters)
    return sorted(cast("tuple[int, ...]", columns[0])) if columns else []


async def newest_quarantined(connection: AsyncConnection) -> int:
    """The highest id; 0: quarantine is empty."""
    [[newest]] = await fetch_columns(connection, load("read_quarantine")["newest"], {})
    return cast(int, newest)


async def list_open_envelopes(connection: AsyncConnection, which: OpenFilter, limit: int) -> list[OpenEnvelope]:
    """Envelopes with open messages, the oldest first."""
    parameters = {**which.parameters(), "limit": limited(limit)}
    return await fetch(connection, load("read_quarantine")["open_envelopes"], parameters, OpenEnvelope)


async def count_still_open(connection: AsyncConnection, ids: Sequence[int]) -> int:
    """How many of these messages are open."""
    [[count]] = await fetch_columns(connection, load("read_quarantine")["count_still_open"], {"ids": list(ids)})
    return cast(int, count)


async def count_open(connection: AsyncConnection, which: OpenFilter) -> int:
    """How many open messages fit and were not looked at."""
    [[count]] = await fetch_columns(connection, load("read_quarantine")["count_open"], which.parameters())
    return cast(int, count)


async def discard_open(connection: AsyncConnection, which: OpenFilter, limit: int) -> int:
    """Settle the oldest for good, at most `limit`, but those that a replay holds. Returns how many."""
    parameters = {**which.parameters(), "limit": limit}
    [[count]] = await fetch_columns(connection, load("read_quarantine")["discard_open"], parameters)
    return cast(int, count)


async def list_overflow(
    connection: AsyncConnection, tenant_id: int | None = None, *, source: str | None = None, limit: int = 100
) -> list[Overflow]:
    """What did not fit into a source's quarantine, the most recent first; of the tenant, None: of all."""
    parameters = {"tenant_id": tenant_id, "source": source, "limit": limited(limit)}
    return await fetch(connection, load("read_quarantine")["overflow"], parameters, Overflow)
