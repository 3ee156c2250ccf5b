"""A migrated database and what a test asks of it after the writer has been at work."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from database_roles import url_as
from sens.storage.connection import Connection, connect
from sens.storage.last_times import LastTimes
from sens.storage.privileges import Role
from sens.storage.quarantine_intake import QuarantineLimits, same_limits
from sens.storage.sources import resolve_sources
from sens.storage.write import ReadingWriter

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(time: int) -> datetime:
    """µs since 1970 UTC as the driver returns them."""
    return EPOCH + timedelta(microseconds=time)


class Store:
    """A migrated database in which source 1 exists; series ids are free to choose, as readings have no foreign key.

    Attributes:
        connection: the writer's, as all that `connect` gives.
        admin: for what a test does to the tables.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection = self.connect()
        self.admin = connect(url, application_name="test", autocommit=True)
        assert resolve_sources(self.connection, [("home", "plant-a")]) == {"plant-a": 1}

    def connect(self) -> Connection:
        return connect(url_as(Role.WRITER, self.url), application_name="test", autocommit=True)

    def writer(self, limits: QuarantineLimits | None = None) -> ReadingWriter:
        """A writer with a connection and a memory of its own."""
        return ReadingWriter(self.connect(), LastTimes(), same_limits(limits))

    def close(self) -> None:
        self.connection.close()
        self.admin.close()

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode(), parameters).fetchall()

    def one(self, query: str, *parameters: object) -> Any:
        """The first column of the first row."""
        return self.rows(query, parameters)[0][0]

    def readings(self, table: str = "reading") -> list[tuple[int, int, Any]]:
        rows = self.rows(f"SELECT series_id, time, value FROM {table} ORDER BY 1, 2")
        return [(series, (time - EPOCH) // timedelta(microseconds=1), value) for series, time, value in rows]

    def latest(self) -> dict[int, tuple[int, Any]]:
        rows = self.rows("SELECT series_id, time, coalesce(to_jsonb(value), to_jsonb(text)) FROM series_latest")
        return {series: ((time - EPOCH) // timedelta(microseconds=1), value) for series, time, value in rows}

    def ledger(self) -> dict[bytes, tuple[int, ...]]:
        """Envelope id → decoded, ignored, quarantined, readings, stored, duplicate, conflict."""
        rows = self.rows(
            "SELECT envelope_id, decoded, ignored, quarantined,"
            " readings, readings_stored, readings_duplicate, readings_conflict FROM ledger"
        )
        return {id_.bytes: tuple(counts) for id_, *counts in rows}
