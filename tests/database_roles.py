"""The database roles, with names of tests' own: product code connects as writer or reader, a test as it likes."""

from collections.abc import Generator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from sens.storage.create_roles import Login, create_roles
from sens.storage.migrate import migrate
from sens.storage.privileges import Role

NAMES = {role: f'sens test "{role.value}"' for role in Role}
"""Names that need quotes."""
LOGINS = {role: Login(name, f"{role.value}'s \\ pass word") for role, name in NAMES.items()}


def url_as(role: Role, url: str) -> str:
    """The database's URL as that role's."""
    login = LOGINS[role]
    return make_conninfo(url, user=login.name, password=login.password)


def make_roles(admin_url: str) -> None:
    """Make the roles, and the URL's database theirs."""
    create_roles(admin_url, LOGINS)


def make_migrated(admin_url: str) -> None:
    """As an installation does it: of an empty database one that the roles can work in."""
    make_roles(admin_url)
    migrate(url_as(Role.OWNER, admin_url), roles=NAMES)


@contextmanager
def dropped_afterwards(server_url: str) -> Generator[None]:
    """Roles are of the whole server, which may be somebody's. Another session's tests may still need them."""
    try:
        yield
    finally:
        with psycopg.connect(server_url, autocommit=True) as server:
            for name in NAMES.values():
                with suppress(psycopg.errors.DependentObjectsStillExist):
                    server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))
