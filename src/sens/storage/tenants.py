"""Tenants and whose sources are, for the API. The telemetry worker makes those that are declared, too."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

from sens.storage.errors import translated
from sens.storage.queries import load
from sens.storage.reads import AsyncConnection, fetch, fetch_columns


@dataclass(frozen=True, slots=True)
class Owned:
    """A source's row, and whose it is."""

    id: int
    name: str
    tenant_id: int
    tenant: str


async def find_tenant(connection: AsyncConnection, name: str) -> int | None:
    """The tenant's id; None: there is none of that name."""
    return await _id(connection, "find", name)


async def make_tenant(connection: AsyncConnection, name: str) -> int:
    """The id of the tenant, made if it is not there yet."""
    made = await _id(connection, "insert", name) or await _id(connection, "find", name)
    assert made is not None, "tenants are never deleted"
    return made


async def find_owners(connection: AsyncConnection, sources: Collection[str]) -> dict[str, Owned]:
    """By name, those of the sources that have a row."""
    rows = await fetch(connection, load("tenants")["owners"], {"names": list(sources)}, Owned)
    return {row.name: row for row in rows}


async def make_source(connection: AsyncConnection, tenant_id: int, name: str) -> None:
    """The source's row; one that is there stays as it is."""
    with translated():
        await connection.execute(load("tenants")["insert_source"], {"tenant_id": tenant_id, "name": name})


async def _id(connection: AsyncConnection, query: str, name: str) -> int | None:
    columns = await fetch_columns(connection, load("tenants")[query], {"name": name})
    return cast(int, columns[0][0]) if columns else None
