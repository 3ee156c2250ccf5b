"""What came from a file, put into the log: whose sources it may be about, and no faster than it is stored."""

import time
from collections.abc import Collection, Mapping

from sens.domain.balance import Books, balances
from sens.domain.ledger import Balance, MessageCounts, ReadingCounts
from sens.platform_api.auditing import Auditor, Subject
from sens.platform_api.caller import Caller
from sens.platform_api.problems import ProblemError, ProblemType, invalid
from sens.platform_api.services import Services
from sens.runtime.backoff import Backoff, pause
from sens.sources.models import DEFAULT_TENANT
from sens.storage.ledger import fetch_books
from sens.storage.tenants import Owned, find_owners, make_source, make_tenant
from sens.stream.errors import StreamMissing
from sens.stream.imports import ImportTail, ledger_tail

PATIENCE_S = 10.0
LOOK_EVERY = Backoff(first_s=0.02, cap_s=0.3)
"""Workers that keep up have stored an envelope within some ms; those that do not are not asked all the time."""


async def find_tail(services: Services, source: str, session: str) -> ImportTail:
    """Where the import stands; where there is no log yet, at its beginning.

    Raises:
        StreamAway: NATS does not answer.
    """
    try:
        return await services.imports.tail(source, session)
    except StreamMissing:
        return ImportTail(b"")


async def check_visible(services: Services, caller: Caller, source: str) -> None:
    """Raises ProblemError where the source is another tenant's."""
    async with services.database.connection() as connection:
        owned = (await find_owners(connection, [source])).get(source)
    owner = _owner(services, source, {} if owned is None else {source: owned})
    if owner is not None and caller.tenant not in (None, owner):
        raise _no_source(source)


async def claim_sources(
    services: Services, caller: Caller, audit: Auditor, source: str, devices_of: Collection[str]
) -> Owned:
    """Have a row for the import's source and for those that its devices are of; all of one tenant.

    A new one is made for the tenant of the others, else for the caller's.

    Args:
        services: those of the application.
        caller: may bring in readings.
        audit: the caller's.
        source: the import's own, for the ledger.
        devices_of: other sources.

    Returns:
        The import's.

    Raises:
        ProblemError: one belongs to another tenant, or is new and the caller is no admin of the platform; or the
            import's own is read from a broker.
    """
    names = {source, *devices_of}
    async with services.database.connection() as connection:
        rows = await find_owners(connection, names)
    owners = {name: owner for name in sorted(names) if (owner := _owner(services, name, rows)) is not None}
    tenant = owners.get(source) or next(iter(owners.values()), caller.tenant or DEFAULT_TENANT)
    for name, owner in owners.items():
        _check_owner(caller, name, owner, tenant)
    if services.configuration.source(source) is not None:
        raise invalid("path.source", f"{source} is read from a broker: give the import a source of its own")
    new = sorted(names - rows.keys())
    if new:
        _check_may_make(caller, [name for name in new if name not in owners])
        rows = await _make(services, audit, new, tenant, names)
        for name in new:  # somebody else may have been first
            _check_owner(caller, name, rows[name].tenant, tenant)
    return rows[source]


def _owner(services: Services, name: str, rows: Mapping[str, Owned]) -> str | None:
    """The source's tenant: of its row, else as it is declared; None: there is no such source."""
    if name in rows:
        return rows[name].tenant
    declared = services.configuration.source(name)
    return declared.tenant if declared else None


def _check_owner(caller: Caller, name: str, owner: str, tenant: str) -> None:
    if caller.tenant not in (None, owner):
        raise _no_source(name)
    if owner != tenant:
        raise invalid("body.readings", f"{name} belongs to {owner}, not to {tenant}: import its readings by themselves")


def _no_source(name: str) -> ProblemError:
    return ProblemError(ProblemType.NOT_FOUND, f"there is no source {name}")


def _check_may_make(caller: Caller, undeclared: Collection[str]) -> None:
    # A source's name is one for all tenants, and the next declaration may want it: no tenant takes one by itself.
    if undeclared and not (caller.may("admin") and caller.tenant is None):
        names = ", ".join(undeclared)
        raise ProblemError(
            ProblemType.SCOPE_MISSING,
            f"there is no source {names}, and only an admin of the whole platform may make one",
        )


async def _make(
    services: Services, audit: Auditor, new: Collection[str], tenant: str, names: Collection[str]
) -> dict[str, Owned]:
    async with services.database.connection() as connection, connection.transaction():
        tenant_id = await make_tenant(connection, tenant)
        for name in new:
            await make_source(connection, tenant_id, name)
        rows = await find_owners(connection, names)
        for name in new:
            await audit.write(connection, "source.create", Subject("source", rows[name].id, name, tenant_id))
    return rows


async def wait_for_workers(services: Services, tail: ImportTail) -> None:
    """Wait until all but the last envelope of the import are stored: so it waits behind live data, never before it,
    and no import fills the log.

    Raises:
        ProblemError: they are not, after `PATIENCE_S`.
    """
    give_up_at = time.monotonic() + PATIENCE_S
    for delay_s in LOOK_EVERY:
        if tail.previous <= (await services.log.acknowledged() or 0):
            return
        if time.monotonic() > give_up_at or await pause(delay_s, services.stopping):
            raise ProblemError(ProblemType.WORKERS_BEHIND)


async def fetch_balance(services: Services, source: str, session: str) -> tuple[ImportTail, Balance]:
    """What became of the import's readings until now. The order of reading is what makes it exact."""
    acknowledged = await services.log.acknowledged()
    async with services.database.connection() as connection:
        books = await fetch_books(connection, acknowledged)
    tail = await find_tail(services, source, session)
    accounts = {key: each for key, each in books.accounts.items() if (key.source, key.session) == (source, session)}
    found = balances(Books(accounts, acknowledged), [ledger_tail(source, session, tail)] if tail.sequence else [])
    return tail, found.get(source, Balance(0, MessageCounts(), ReadingCounts()))
