"""Tenants and sources, made from the declared configuration."""

from collections.abc import Iterable

from sens.domain.errors import Fatal
from sens.sources.models import DEFAULT_TENANT
from sens.storage.connection import Connection
from sens.storage.errors import translated
from sens.storage.queries import load

_SQL = load("series")


class SourceTaken(Fatal):
    """The source's name belongs to another tenant."""


def resolve_sources(connection: Connection, sources: Iterable[tuple[str | None, str]]) -> dict[str, int]:
    """Ids of the sources given as (tenant, name), making those that are new.

    Args:
        connection: any.
        sources: each name once; the tenant None: whichever has it; `DEFAULT_TENANT` if it is new.

    Raises:
        SourceTaken: a source of this name has stored data for another tenant.
    """
    wanted = {name: tenant for tenant, name in sources}
    names = sorted(wanted)
    tenants = [wanted[name] or DEFAULT_TENANT for name in names]
    with translated(), connection.transaction():
        connection.execute(_SQL["insert_tenants"], (tenants,))
        connection.execute(_SQL["insert_sources"], (tenants, names))
        rows = connection.execute(_SQL["find_sources"], (names,)).fetchall()
    found = {str(name): (str(tenant), int(str(id_))) for name, tenant, id_ in rows}
    for name, tenant in wanted.items():
        if tenant not in (None, found[name][0]):
            raise SourceTaken(
                f"source {name} belongs to tenant {found[name][0]}, not {tenant}: "
                "a source's name is unique over all tenants, so give one of the two another name"
            )
    return {name: found[name][1] for name in names}
