"""The worker's database connections, opened together as one *generation*.

Ids of sources and series are good only in the database that gave them, and behind a connection that is
opened later may be one that was restored to an older copy, or that took over. So all connections are opened
at once, and when one breaks all are replaced: what was found over one is written over another only if both
are of the same generation.
"""

from collections.abc import Generator
from contextlib import contextmanager
from enum import StrEnum
from threading import Lock
from typing import NamedTuple

from sens.storage.connection import Connection, connect
from sens.storage.errors import DatabaseAway
from sens.storage.migrate import check_schema


class Role(StrEnum):
    """What a connection is for; the value is its name in `pg_stat_activity`."""

    SERIES = "telemetry-worker series"
    STORE = "telemetry-worker store"
    REPLAY = "telemetry-worker replay"


class Current(NamedTuple):
    """A role's connection, and the generation it was opened with."""

    connection: Connection
    generation: int


class Connections:
    """One connection for each role. Roles may be used at the same time; one role by one thread at a time."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = Lock()
        self._generation = 0
        self._waiting: dict[Role, Connection] = {}
        self._taken: dict[Role, Current] = {}

    @contextmanager
    def use(self, role: Role) -> Generator[Current]:
        """The role's open connection; one that turns out to be broken, or demoted, is given up.

        Raises:
            DatabaseAway, DatabaseDenied, SchemaMismatch: not now.
        """
        current = self._take(role)
        try:
            yield current
        except DatabaseAway:
            current.connection.close()
            raise

    def _take(self, role: Role) -> Current:
        with self._lock:
            current = self._taken.get(role)
            if current is not None and current.generation == self._generation and not current.connection.closed:
                return current
            if current is not None:
                current.connection.close()
            if role not in self._waiting:
                self._open_all()
            current = self._taken[role] = Current(self._waiting.pop(role), self._generation)
            return current

    def _open_all(self) -> None:
        """Begin a generation. Connections of the last one are closed by their users: they may be at work."""
        opened = dict[Role, Connection]()
        try:
            for role in Role:
                opened[role] = connect(self._url, application_name=role, autocommit=True)
            for connection in opened.values():  # after all are open: none leads to a server that has gone since
                check_schema(connection)
        except BaseException:
            _close(opened)
            raise
        _close(self._waiting)
        self._waiting = opened
        self._generation += 1

    def close(self) -> None:
        """Close all, once nothing uses them; the next use opens them anew."""
        with self._lock:
            _close(self._waiting)
            _close({role: current.connection for role, current in self._taken.items()})
            self._waiting, self._taken = {}, {}


def _close(connections: dict[Role, Connection]) -> None:
    for connection in connections.values():
        connection.close()
