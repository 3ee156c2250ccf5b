"""A migrated database with some series, and a writer whose steps a test can hold still."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

from database_roles import url_as
from sens.storage.connection import Connection, connect
from sens.storage.leader import connect_maintenance
from sens.storage.locks import ROLLUP_LOCK
from sens.storage.partitions import ensure_partitions
from sens.storage.privileges import Role

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = 60_000_000
BUCKET = 10 * MINUTE
HOUR = 6 * BUCKET
DAY = 24 * HOUR
# Monday 2026-01-05 00:00 UTC: the start of a partition.
MONDAY = 1_767_571_200_000_000


def at(time: int) -> datetime:
    return EPOCH + timedelta(microseconds=time)


class ReadingsDatabase:
    """A migrated database with series 1..n of numbers, which are made if there are none yet.

    Attributes:
        url: the administrator's; `reader_url`, `writer_url`: the roles'.
        connection: for what the test looks at and changes, as the administrator.
        leader: for maintenance, as the writer.
    """

    def __init__(self, url: str, series: int = 3) -> None:
        self.url = url
        self.reader_url, self.writer_url = url_as(Role.READER, url), url_as(Role.WRITER, url)
        self.leader: Connection = connect_maintenance(self.writer_url)
        self.connection: Connection = connect(url, application_name="test", autocommit=True)
        self._writer: Connection = connect(self.writer_url, application_name="test", autocommit=True)
        self.source_id: int = self.one("SELECT id FROM source") or self._make(series)
        self.series: list[int] = self.one("SELECT array_agg(id ORDER BY id) FROM series WHERE metric ~ '^m[0-9]+$'")

    def _make(self, series: int) -> int:
        tenant = self.one("INSERT INTO tenant (name) VALUES ('home') RETURNING id")
        source = self.one("INSERT INTO source (tenant_id, name) VALUES (%s, 'plant-a') RETURNING id", tenant)
        device = self.one("INSERT INTO device (source_id, name) VALUES (%s, 'boiler') RETURNING id", source)
        self.connection.execute(
            "INSERT INTO series (device_id, metric, kind) SELECT %s, 'm' || n, 0 FROM generate_series(0, %s - 1) AS n",
            (device, series),
        )
        return source

    def one(self, query: LiteralString, *parameters: object) -> Any:
        """The first column of the first row."""
        row = self.connection.execute(query, parameters).fetchone()
        return row[0] if row else None

    def close(self) -> None:
        for connection in (self.leader, self.connection, self._writer):
            connection.close()

    def open_writer(self) -> Connection:
        return connect(self.writer_url, application_name="test writer")

    def ensure_partitions(self, times: Iterable[int]) -> None:
        ensure_partitions(self._writer, "reading", list(times))

    def write(self, readings: Iterable[tuple[int, int, float]]) -> None:
        """Store (series, time, value) as the telemetry worker does, marks and all."""
        rows = list(readings)
        self.ensure_partitions(time for _, time, _ in rows)
        with self.open_writer() as writer, self.writing(writer, rows):
            pass

    @contextmanager
    def writing(self, writer: Connection, readings: Iterable[tuple[int, int, float]]) -> Generator[None]:
        """Within the block everything is written and nothing committed. The partitions must be there."""
        rows = [(series, at(time), value) for series, time, value in readings]
        with writer.transaction():
            writer.execute("SELECT pg_advisory_xact_lock_shared(%s)", (ROLLUP_LOCK,))
            with writer.cursor() as cursor:
                cursor.executemany("INSERT INTO reading VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", rows)
                cursor.executemany(
                    "INSERT INTO late_mark SELECT %(series)s, date_bin('10 minutes', %(time)s, '1970-01-01 00:00Z')"
                    " FROM rollup_mark WHERE %(time)s < write_until",
                    [{"series": series, "time": time} for series, time, _ in rows],
                )
            yield
