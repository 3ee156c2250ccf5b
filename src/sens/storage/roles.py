"""Grants to the roles that the operator names: exactly what `sens.storage.privileges` declares."""

from collections.abc import Collection, Iterable, Mapping

from psycopg import sql

from sens.storage.connection import Connection
from sens.storage.errors import DatabaseDenied, translated
from sens.storage.locks import PARTITION_LOCK
from sens.storage.privileges import FUNCTIONS, TABLES, Role
from sens.storage.queries import load

RoleNames = Mapping[Role, str]
"""The database's names of the roles; who is left out gets nothing."""

_SQL = load("roles")


def check_roles(connection: Connection, roles: RoleNames) -> None:
    """Raise DatabaseDenied where a role is missing, or the schema would be another's than the owner's."""
    names = sorted(roles.values())
    with translated():
        known = {str(row[0]) for row in connection.execute(_SQL["known_roles"], (names,))}
        current, _ = current_role(connection)
    missing = [name for name in names if name not in known]
    if missing:
        raise DatabaseDenied(
            f"the server has no role {', '.join(missing)}: run `sens migrate --create-roles` as an administrator, or "
            f'there CREATE ROLE "{missing[0]}" LOGIN PASSWORD …'
        )
    owner = roles.get(Role.OWNER, current)
    if owner != current:
        raise DatabaseDenied(f"connected as {current}, but the schema shall belong to {owner}: connect as {owner}")


def current_role(connection: Connection) -> tuple[str, bool]:
    """Name of the role that we are, and whether it is a superuser."""
    with translated():
        row = connection.execute(_SQL["current_role"]).fetchone()
    assert row is not None
    return str(row[0]), row[1] is True


def grant(connection: Connection, roles: RoleNames, *, narrow: bool = True) -> None:
    """Grant what is declared. Idempotent, and in the caller's transaction: nobody sees a moment without grants.

    Args:
        connection: the owner's, in a transaction.
        roles: that exist.
        narrow: also take back what is not declared. A build that is older than the schema must not: a newer one may
            need it.

    Raises:
        DatabaseDenied: we do not own the tables.
    """
    others = [name for role, name in roles.items() if role is not Role.OWNER]
    if not others:
        return
    with translated():
        # Attaching a partition changes its table's row in the catalog, as a grant does.
        connection.execute(load("partitions")["take_partition_lock"], (PARTITION_LOCK,))
        own = _names(connection, "own_tables")
        if "storage" not in own:
            raise DatabaseDenied("the schema belongs to another role: connect as the one that owns its tables")
        _run(connection, "use_schema", roles=identifiers(others))
        for role, name in roles.items():
            if role in (Role.WRITER, Role.READER):
                _grant_tables(connection, role, name, own, narrow=narrow)
                _grant_functions(connection, role, name, narrow=narrow)
            elif role is Role.BACKUP:
                _run(connection, "read_tables_to_come", role=sql.Identifier(name))
                _grant_on(connection, sql.SQL("SELECT"), own, name)


def identifiers(names: Iterable[str]) -> sql.Composable:
    """A list of names, as GRANT takes it."""
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _grant_tables(connection: Connection, role: Role, name: str, own: Collection[str], *, narrow: bool) -> None:
    # A newer schema may have given up one of them; the same below.
    tables = {table: row for table, row in TABLES.items() if table in own}
    if narrow:
        _run(connection, "revoke_table", tables=identifiers(tables), role=sql.Identifier(name))
    for table, row in tables.items():
        privileges = row.writer if role is Role.WRITER else row.reader
        if privileges:
            _grant_on(connection, sql.SQL(privileges), [table], name)


def _grant_functions(connection: Connection, role: Role, name: str, *, narrow: bool) -> None:
    own = _names(connection, "own_functions")
    functions = [function for function in FUNCTIONS if function in own]
    if narrow:
        _run(connection, "revoke_function", functions=identifiers(functions), role=sql.Identifier(name))
    callable_ = [function for function in functions if role in FUNCTIONS[function]]
    _run(connection, "grant_function", functions=identifiers(callable_), role=sql.Identifier(name))


def _grant_on(connection: Connection, privileges: sql.Composable, tables: Iterable[str], name: str) -> None:
    _run(connection, "grant_table", privileges=privileges, tables=identifiers(tables), role=sql.Identifier(name))


def _names(connection: Connection, query: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(_SQL[query])]


def _run(connection: Connection, query: str, **parts: sql.Composable) -> None:
    connection.execute(sql.SQL(_SQL[query]).format(**parts))
