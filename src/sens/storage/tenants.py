"""Tenants, for the API. The telemetry worker makes those of the declared sources too."""

from typing import cast

from sens.storage.queries import load
from sens.storage.reads import AsyncConnection, fetch_columns


async def find_tenant(connection: AsyncConnection, name: str) -> int | None:
    """The tenant's id; None: there is none of that name."""
    return await _id(connection, "find", name)


async def make_tenant(connection: AsyncConnection, name: str) -> int:
    """The id of the tenant, made if it is not there yet."""
    made = await _id(connection, "insert", name) or await _id(connection, "find", name)
    assert made is not None, "tenants are never deleted"
    return made


async def _id(connection: AsyncConnection, query: str, name: str) -> int | None:
    columns = await fetch_columns(connection, load("tenants")[query], {"name": name})
    return cast(int, columns[0][0]) if columns else None
