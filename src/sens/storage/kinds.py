"""How the big tables are stored, by what the server offers: detected once, when the schema is made.

Same tables, same queries on every kind; what differs is how a table is cut by time, and who cuts it.
"""

import logging
from enum import StrEnum
from typing import NamedTuple

import psycopg
from psycopg import sql

from sens.storage.connection import Connection
from sens.storage.errors import DatabaseDenied, SchemaMismatch, translated
from sens.storage.queries import load

OLDEST_SERVER = 150000
DAY = 86_400_000_000
_LOG = logging.getLogger(__name__)
_SQL = load("kinds")


class StorageKind(StrEnum):
    """Stored in the database: never rename one."""

    PLAIN = "plain"  # PostgreSQL's own range partitions
    TIMESCALE_APACHE = "timescale_apache"  # hypertables
    TIMESCALE = "timescale"  # hypertables with columnstore (the TSL licence)


class BigTable(NamedTuple):
    """A table cut by time.

    Attributes:
        name, time_column: as in the schema.
        width: of a partition or chunk, in µs; whole days.
    """

    name: str
    time_column: str
    width: int

    @property
    def days(self) -> int:
        return self.width // DAY


BIG_TABLES = {
    table.name: table
    for table in (
        BigTable("reading", "time", 7 * DAY),
        BigTable("reading_text", "time", 7 * DAY),
        BigTable("reading_10m", "bucket", 91 * DAY),
    )
}


def offer_timescale(connection: Connection) -> None:
    """Create the extension in this database where the server has it loaded and lets us.

    Args:
        connection: autocommit, and fresh: the extension wants to be created first in a session.
    """
    with translated():
        row = connection.execute(_SQL["timescale_offered"]).fetchone()
        if row is None or row[0] is not True:
            return
        try:
            connection.execute(_SQL["create_timescale"])
        except psycopg.errors.InsufficientPrivilege as error:
            _LOG.warning("TimescaleDB is offered, but this role may not create it: using plain tables (%s)", error)


def detect_kind(connection: Connection) -> StorageKind:
    """What this database offers now.

    Raises:
        DatabaseDenied: the server is older than PostgreSQL 15.
    """
    if connection.info.server_version < OLDEST_SERVER:
        version = connection.info.parameter_status("server_version")
        raise DatabaseDenied(f"PostgreSQL {version} is too old: use 15 or newer")
    with translated():
        row = connection.execute(_SQL["timescale_licence"]).fetchone()
    if row is None or row[0] is None:
        return StorageKind.PLAIN
    return StorageKind.TIMESCALE if row[0] == "timescale" else StorageKind.TIMESCALE_APACHE


def storage_kind(connection: Connection) -> StorageKind:
    """What the schema was made with.

    Raises:
        SchemaMismatch: there is no schema yet, or it is of a kind that this build does not know.
    """
    with translated():
        row = connection.execute(_SQL["storage_kind"]).fetchone()
    if row is None or row[0] not in list(StorageKind):
        raise SchemaMismatch("the database does not say how its tables are stored: run `sens migrate`")
    return StorageKind(str(row[0]))


def cut_by_time(connection: Connection, kind: StorageKind) -> None:
    """Turn the freshly made, empty big tables into hypertables or partitioned tables; remember `kind`."""
    with translated():
        for table in BIG_TABLES.values():
            _cut_table(connection, kind, table)
        connection.execute(_SQL["remember_kind"], (kind.value,))


def _cut_table(connection: Connection, kind: StorageKind, table: BigTable) -> None:
    if kind is StorageKind.PLAIN:
        names = {
            "table": sql.Identifier(table.name),
            "key": sql.Identifier(f"{table.name}_pkey"),
            "uncut": sql.Identifier(f"{table.name}_uncut"),
            "uncut_key": sql.Identifier(f"{table.name}_uncut_pkey"),
            "time": sql.Identifier(table.time_column),
        }
        connection.execute(sql.SQL(_SQL["make_partitioned"]).format(**names))
        return
    values = {"table": table.name, "time": table.time_column, "days": table.days}
    connection.execute(_SQL["make_hypertable"], values)
    if kind is StorageKind.TIMESCALE:
        names = {"table": sql.Identifier(table.name), "time": sql.Literal(table.time_column)}
        connection.execute(sql.SQL(_SQL["enable_columnstore"]).format(**names))
        connection.execute(_SQL["columnstore_policy"], values)
