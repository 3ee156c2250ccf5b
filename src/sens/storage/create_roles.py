"""`sens migrate --create-roles`: the roles, their passwords and their database, made by an administrator.

The administrator is a superuser, or what managed servers give: a role with CREATEROLE and CREATEDB.
"""

import logging
from collections.abc import Mapping
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from sens.storage.connection import Connection, connect, parse_url
from sens.storage.errors import DatabaseDenied, translated
from sens.storage.kinds import offer_timescale
from sens.storage.locks import MIGRATION_LOCK
from sens.storage.migrate import WAIT_FOR_OTHERS_S
from sens.storage.privileges import Role
from sens.storage.queries import load
from sens.storage.roles import current_role, identifiers

_APPLICATION = "sens create roles"
# There from a server's birth on, whatever became of ours.
_MAINTENANCE_DATABASE = "postgres"
_LOG = logging.getLogger(__name__)
_SQL = load("roles")


class Login(NamedTuple):
    """A role's name, and the password that it shall have."""

    name: str
    password: str


def create_roles(url: str, logins: Mapping[Role, Login]) -> None:
    """Make the roles and the URL's database where they are missing; set passwords and who may connect.

    Safe to run again, which sets the passwords anew.

    Args:
        url: the administrator's, of the database that shall be.
        logins: of every role.

    Raises:
        DatabaseAway, DatabaseBusy: try again.
        DatabaseDenied: the administrator may not, two roles have one name, or a role is a superuser.
    """
    given, names = parse_url(url), {role: login.name for role, login in logins.items()}
    with translated():
        # Locks hold within a database, and ours may have to be made first.
        with _connect(make_conninfo("", **{**given, "dbname": _MAINTENANCE_DATABASE})) as server:
            server.execute(load("migrate")["take_migration_lock"], (MIGRATION_LOCK,))
            _check(server, names)
            database = given.get("dbname") or server.info.user
            for login in logins.values():
                _make_role(server, login)
            _join(server, names[Role.OWNER])
            _make_database(server, str(database), names[Role.OWNER])
            _let_monitor(server, names[Role.MONITOR])
        with _connect(url) as connection:
            offer_timescale(connection)
        with _connect(url) as connection, connection.transaction():
            _run(
                connection,
                "close_database",
                database=sql.Identifier(connection.info.dbname),
                owner=sql.Identifier(names[Role.OWNER]),
                writer=sql.Identifier(names[Role.WRITER]),
                roles=identifiers(names.values()),
            )


def _connect(url: str) -> Connection:
    return connect(
        url,
        application_name=_APPLICATION,
        autocommit=True,
        statement_timeout_s=WAIT_FOR_OTHERS_S,
        lock_timeout_s=0,
    )


def _check(server: Connection, names: Mapping[Role, str]) -> None:
    if len(set(names.values())) < len(names):
        raise DatabaseDenied(f"each role needs a name of its own: {', '.join(names.values())}")
    known = server.execute(_SQL["known_roles"], (list(names.values()),)).fetchall()
    superusers = [str(name) for name, is_superuser in known if is_superuser]
    if superusers:
        raise DatabaseDenied(f"{', '.join(superusers)} is a superuser, whom no grant restricts: name another role")


def _make_role(server: Connection, login: Login) -> None:
    role = sql.Identifier(login.name)
    if server.execute(_SQL["known_roles"], ([login.name],)).fetchone() is None:
        _run(server, "create_role", role=role)
    # Hashed here: statements stand in the server's log when it logs them.
    password = server.pgconn.encrypt_password(login.password.encode(), login.name.encode(), None)
    _run(server, "set_password", role=role, password=sql.Literal(password.decode()))


def _join(server: Connection, owner: str) -> None:
    """Only who is a member of a role gives away what it shall own."""
    name, is_superuser = current_role(server)
    if not is_superuser and name != owner:
        _run(server, "join_role", role=sql.Identifier(owner))


def _make_database(server: Connection, database: str, owner: str) -> None:
    row = server.execute(_SQL["has_database"], (database,)).fetchone()
    query = "give_database" if row is not None and row[0] is True else "create_database"
    _run(server, query, database=sql.Identifier(database), owner=sql.Identifier(owner))


def _let_monitor(server: Connection, monitor: str) -> None:
    try:
        _run(server, "let_monitor", role=sql.Identifier(monitor))
    except psycopg.errors.InsufficientPrivilege as error:
        _LOG.warning("%s cannot watch the server's activity: this administrator may not allow it (%s)", monitor, error)


def _run(connection: Connection, query: str, **parts: sql.Composable) -> None:
    connection.execute(sql.SQL(_SQL[query]).format(**parts))
