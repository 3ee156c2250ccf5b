"""What is there for whom: the sources of the caller's tenant, and the tenant of the users and keys that it makes."""

from collections.abc import Mapping

from sens.platform_api.caller import Caller
from sens.platform_api.problems import ProblemError, ProblemType, invalid
from sens.platform_api.services import Services
from sens.storage.read_devices import Source, list_sources
from sens.storage.reads import MAX_ROWS, AsyncConnection
from sens.storage.tenants import find_tenant, make_tenant


async def visible_sources(services: Services, caller: Caller) -> Mapping[str, Source | None]:
    """By name, those that the caller sees, each with its row; None: it is declared, and nothing of it was decoded yet.

    A source that has a row belongs to that row's tenant, whatever is declared now.
    """
    async with services.database.connection() as connection:
        rows = {row.name: row for row in await list_sources(connection, limit=MAX_ROWS)}
    tenants = {source.name: source.tenant for source in services.configuration.sources}
    tenants |= {name: row.tenant for name, row in rows.items()}
    return {name: rows.get(name) for name in sorted(tenants) if caller.tenant in (None, tenants[name])}


async def sees_source(services: Services, caller: Caller, name: str) -> bool:
    """Whether the caller may ask about the source; who sees all tenants may ask about one that is not there yet."""
    return caller.tenant_id is None or name in await visible_sources(services, caller)


async def check_sees_source(services: Services, caller: Caller, name: str | None) -> None:
    """Raises ProblemError where the caller may not ask about the source; None: it asks about none."""
    if name is not None and not await sees_source(services, caller, name):
        raise ProblemError(ProblemType.NOT_FOUND, f"there is no source {name}")


async def tenant_for(services: Services, connection: AsyncConnection, caller: Caller, name: str | None) -> int | None:
    """The tenant of a user or key that the caller makes; None: all tenants.

    Args:
        services: their configuration declares tenants that the database may not know yet.
        connection: in the transaction that makes the user or key.
        caller: of a tenant, it makes only what is of the same tenant.
        name: as asked for; None: as the caller's own.

    Raises:
        ProblemError: there is no such tenant for the caller.
    """
    if name is None or name == caller.tenant:
        return caller.tenant_id
    if caller.tenant_id is None:
        if any(tenant.name == name for tenant in services.configuration.tenants):
            return await make_tenant(connection, name)
        found = await find_tenant(connection, name)
        if found is not None:
            return found
    raise invalid("body.tenant", f"there is no tenant {name}")
