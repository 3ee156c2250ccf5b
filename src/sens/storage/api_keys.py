"""API keys as the database keeps them: a prefix to find them by, and a hash to check them against."""

from dataclasses import dataclass, field
from typing import Literal

from sens.storage.queries import load
from sens.storage.reads import AsyncConnection, fetch, limited
from sens.storage.times import timestamp

Scope = Literal["read", "operate", "admin"]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key's row; times in µs. `expires_at` and `revoked_at` are for the caller to check.

    `tenant_id` None: it opens all tenants.
    """

    id: int
    name: str
    prefix: str
    key_hash: str = field(repr=False)
    scope: Scope
    tenant_id: int | None
    tenant: str | None
    created_at: int
    expires_at: int | None
    revoked_at: int | None


async def insert_api_key(
    connection: AsyncConnection,
    *,
    name: str,
    prefix: str,
    key_hash: str,
    scope: Scope,
    expires_at: int | None = None,
    tenant_id: int | None = None,
) -> ApiKey:
    """Keep a key.

    Args:
        connection: from `Reader.connection`.
        name: for a person, unique.
        prefix: the part of the key that is no secret, unique.
        key_hash: the hash of the whole key.
        scope: what it allows.
        expires_at: µs; None: never.
        tenant_id: whose data it opens; None: all.

    Raises:
        DataRefused: the name or the prefix is taken, or the scope is none.
    """
    parameters = {
        "name": name,
        "prefix": prefix,
        "key_hash": key_hash,
        "scope": scope,
        "expires_at": None if expires_at is None else timestamp(expires_at),
        "tenant_id": tenant_id,
    }
    return (await fetch(connection, load("api_keys")["insert"], parameters, ApiKey))[0]


async def find_api_key(connection: AsyncConnection, prefix: str) -> ApiKey | None:
    """The key with this prefix, also an expired or revoked one."""
    found = await fetch(connection, load("api_keys")["by_prefix"], {"prefix": prefix}, ApiKey)
    return found[0] if found else None


async def list_api_keys(
    connection: AsyncConnection, tenant_id: int | None = None, *, after: int = 0, limit: int = 100
) -> list[ApiKey]:
    """Keys of the tenant (None: all keys) by id, those after the id `after`."""
    parameters = {"tenant_id": tenant_id, "after": after, "limit": limited(limit)}
    return await fetch(connection, load("api_keys")["list"], parameters, ApiKey)


async def revoke_api_key(connection: AsyncConnection, key_id: int, tenant_id: int | None = None) -> ApiKey | None:
    """Revoke a key from now on; one that is revoked keeps its time. None: the tenant (None: nobody) has no such key."""
    found = await fetch(connection, load("api_keys")["revoke"], {"id": key_id, "tenant_id": tenant_id}, ApiKey)
    return found[0] if found else None
