"""Databases of tests' own on a server: empty ones, and copies of one that is made once a session."""

import secrets
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

Make = Callable[[str], object]
"""Fills the empty database whose URL it is given, and leaves no connection open."""


@contextmanager
def fresh_database(server_url: str, template: str = "template0") -> Generator[str]:
    """URL of an empty database, or of a copy of the database `template`; it is gone after the block."""
    name = f"sens_test_{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield make_conninfo(server_url, dbname=name)
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


class Templates:
    """Each kind of database is made when it is first asked for, and copied from then on."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._names = dict[Make, str]()
        self._until_closed = ExitStack()

    @contextmanager
    def copy(self, make: Make) -> Generator[str]:
        """URL of a database as `make` makes it; it is gone after the block."""
        if make not in self._names:
            self._names[make] = self._made(make)
        with fresh_database(self._server_url, self._names[make]) as url:
            yield url

    def close(self) -> None:
        self._until_closed.close()

    def _made(self, make: Make) -> str:
        url = self._until_closed.enter_context(fresh_database(self._server_url))
        make(url)
        name = str(conninfo_to_dict(url)["dbname"])
        with psycopg.connect(self._server_url, autocommit=True) as server:
            # A database to which somebody is connected cannot be copied, and TimescaleDB's workers come by themselves.
            server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
            server.execute("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", [name])
        return name
