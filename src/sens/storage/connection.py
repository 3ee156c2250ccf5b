"""Connections to PostgreSQL, the same for every process: named, with time limits, in UTC."""

import numpy as np
import psycopg
from psycopg import conninfo

from sens.storage.arrays import ArrayDumper
from sens.storage.errors import DatabaseDenied, translated

Connection = psycopg.Connection[tuple[object, ...]]

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_S = 60.0
LOCK_TIMEOUT_S = 10.0
# A transaction left open by a stalled process holds locks that others wait for.
IDLE_IN_TRANSACTION_TIMEOUT_S = 60.0

# A dead peer is noticed after 5 s idle + 3 probes of 3 s; unacknowledged bytes fail after 15 s.
_KEEPALIVE = {"keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3, "tcp_user_timeout": 15_000}


def parse_url(url: str) -> dict[str, str | int | None]:
    """What a PostgreSQL URL or connection string says, by libpq's names.

    Raises:
        DatabaseDenied: it cannot be read.
    """
    try:
        return conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        # libpq's text may repeat the URL, and with it the password.
        raise DatabaseDenied("the database URL cannot be read: write postgresql://user@host:5432/database") from error


def connection_parameters(
    url: str,
    *,
    application_name: str,
    statement_timeout_s: float = STATEMENT_TIMEOUT_S,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
) -> str:
    """The libpq connection string for `url` with this project's limits; the URL's own settings win.

    Args:
        url: a PostgreSQL URL or connection string.
        application_name: shown in `pg_stat_activity`.
        statement_timeout_s, lock_timeout_s: 0 means no limit.

    Raises:
        DatabaseDenied: the URL cannot be read.
    """
    given = parse_url(url)
    options = (
        f"-c TimeZone=UTC -c client_min_messages=warning -c statement_timeout={round(statement_timeout_s * 1000)} "
        f"-c lock_timeout={round(lock_timeout_s * 1000)} "
        f"-c idle_in_transaction_session_timeout={round(IDLE_IN_TRANSACTION_TIMEOUT_S * 1000)} "
        f"{given.pop('options', None) or ''}"
    )
    ours = {"application_name": application_name, "connect_timeout": CONNECT_TIMEOUT_S, **_KEEPALIVE}
    return conninfo.make_conninfo("", **{**ours, **given, "options": options.strip()})


def connect(
    url: str,
    *,
    application_name: str,
    autocommit: bool = False,
    statement_timeout_s: float = STATEMENT_TIMEOUT_S,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
) -> Connection:
    """Open a connection; READ COMMITTED, UTC.

    Raises:
        DatabaseAway: nobody answers; try again.
        DatabaseDenied: the server answers, but does not let us in.
    """
    parameters = connection_parameters(
        url,
        application_name=application_name,
        statement_timeout_s=statement_timeout_s,
        lock_timeout_s=lock_timeout_s,
    )
    with translated():
        connection = psycopg.connect(parameters, autocommit=autocommit)
    # Rollups and the ledger need a new snapshot for each statement, whatever the server's default is.
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    connection.adapters.register_dumper(np.ndarray, ArrayDumper)
    return connection
