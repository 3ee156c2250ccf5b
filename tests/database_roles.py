"""The four database roles, with names of tests' own, on a server."""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from sens.storage.create_roles import Login, create_roles
from sens.storage.privileges import Role

NAMES = {role: f'sens test "{role.value}"' for role in Role}
"""Names that need quotes."""
LOGINS = {role: Login(name, f"{role.value}'s \\ pass word") for role, name in NAMES.items()}


def url_as(role: Role, url: str) -> str:
    """The database's URL as that role's."""
    login = LOGINS[role]
    return make_conninfo(url, user=login.name, password=login.password)


def make_owned(admin_url: str) -> str:
    """Make the roles, and the URL's database theirs. Returns the owner's URL."""
    create_roles(admin_url, LOGINS)
    return url_as(Role.OWNER, admin_url)


@contextmanager
def dropped_afterwards(server_url: str) -> Generator[None]:
    """Roles are of the whole server: no test leaves them to another."""
    try:
        yield
    finally:
        with psycopg.connect(server_url, autocommit=True) as server:
            for name in NAMES.values():
                server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))
