"""Who changed what: written in the transaction of the change, never altered."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sens.storage.queries import load
from sens.storage.reads import AsyncConnection, fetch, fetch_columns, limited

ActorKind = Literal["user", "api_key"]
Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written down.

    Attributes:
        tenant_id: whose object it is; None: the platform's.
        action: such as `device.update`.
        object_kind, object_id, object: what was changed, and its name then; a replay of a range has no id.
        before, after: the values that changed, as JSON values.
    """

    tenant_id: int | None
    actor_kind: ActorKind
    actor_id: int
    actor: str
    action: str
    object_kind: str
    object_id: int | None
    object: str
    before: Values | None
    after: Values | None
    request_id: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A change as it was written down; `at` in µs."""

    id: int
    at: int
    tenant: str | None
    actor_kind: ActorKind
    actor_id: int
    actor: str
    action: str
    object_kind: str
    object_id: int | None
    object: str
    before: Values | None
    after: Values | None
    request_id: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Entries that fit everything given; `tenant_id` None: of all tenants and of the platform."""

    tenant_id: int | None = None
    actor: str | None = None
    action: str | None = None
    object_kind: str | None = None
    object_id: int | None = None


async def write_change(connection: AsyncConnection, change: Change) -> None:
    """Write a change down."""
    parameters = {
        "tenant_id": change.tenant_id,
        "actor_kind": change.actor_kind,
        "actor_id": change.actor_id,
        "actor": change.actor,
        "action": change.action,
        "object_kind": change.object_kind,
        "object_id": change.object_id,
        "object": change.object,
        "before": None if change.before is None else json.dumps(change.before),
        "after": None if change.after is None else json.dumps(change.after),
        "request_id": change.request_id,
    }
    await fetch_columns(connection, load("audit")["insert"], parameters)


async def list_changes(
    connection: AsyncConnection, which: AuditFilter, *, before: int | None = None, limit: int = 100
) -> list[Entry]:
    """The newest first, those with an id below `before`."""
    parameters = {
        "tenant_id": which.tenant_id,
        "actor": which.actor,
        "action": which.action,
        "object_kind": which.object_kind,
        "object_id": which.object_id,
        "before": before,
        "limit": limited(limit),
    }
    return await fetch(connection, load("audit")["list"], parameters, Entry)
