"""The one maintenance leader: whoever holds a session lock, for as long as its connection lives.

Nothing is handed over and nothing expires: when the leader's connection ends, by its own death or the
database's, PostgreSQL frees the lock and the next `try_lead` of a standby succeeds. All maintenance
goes through the connection that holds the lock, so a former leader cannot go on beside a new one.
A pooler in transaction mode would break this: maintenance needs a connection of its own.
"""

from sens.domain.errors import SensError
from sens.storage.connection import Connection, connect
from sens.storage.errors import translated
from sens.storage.locks import LEADER_LOCK
from sens.storage.migrate import check_schema

MAINTENANCE_TIMEOUT_S = 300.0


def connect_maintenance(url: str) -> Connection:
    """Open the connection for `try_lead` and all maintenance: autocommit, READ COMMITTED.

    Raises:
        DatabaseAway, DatabaseDenied: as `connect`.
        SchemaBehind, SchemaMismatch: as `check_schema`.
    """
    connection = connect(
        url, application_name="sens maintenance", autocommit=True, statement_timeout_s=MAINTENANCE_TIMEOUT_S
    )
    try:
        check_schema(connection)
    except SensError:
        connection.close()
        raise
    return connection


def try_lead(connection: Connection) -> bool:
    """Whether this connection is the leader's, now or since an earlier call. Never waits.

    Args:
        connection: from `connect_maintenance`.

    Raises:
        DatabaseAway: the connection broke, and leadership with it.
    """
    with translated():
        # Taking it again only counts up, and `resign` gives back all of it.
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LEADER_LOCK,)).fetchone()
    return row is not None and row[0] is True


def resign(connection: Connection) -> None:
    """Let a standby lead at once, for an orderly shutdown."""
    with translated():
        connection.execute("SELECT pg_advisory_unlock_all()")
