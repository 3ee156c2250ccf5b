"""The worker's two database connections: one resolves series while the other stores.

Each is used by one thread. A connection that broke is replaced at the next call; the caller repeats
the call after a Retry, and everything here may be repeated.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from itertools import groupby

import structlog

from sens.domain.batch import Batch
from sens.domain.batch_ops import quarantine_messages
from sens.domain.columns import Rejection
from sens.domain.errors import SensError
from sens.domain.reasons import Reason
from sens.runtime import metrics
from sens.sources.models import Configuration, Limits
from sens.storage.connection import Connection, connect
from sens.storage.errors import DatabaseAway, DataRefused
from sens.storage.last_times import LastTimes
from sens.storage.migrate import check_schema
from sens.storage.quarantine_intake import LimitsOf, QuarantineLimits
from sens.storage.series import SeriesIndex, SeriesKey, SeriesLimits
from sens.storage.sources import resolve_sources
from sens.storage.write import ReadingWriter, WriteResult

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_DETAILS = {
    Reason.TOO_MANY_DEVICES: "raise limits.max_devices of the source, then replay",
    Reason.TOO_MANY_SERIES: "raise limits.max_series_per_device of the source, then replay",
}


class Reconnecting:
    """A connection that is opened again after it broke."""

    def __init__(self, url: str, application_name: str, on_away: Callable[[], None] = lambda: None) -> None:
        self._url = url
        self._on_away = on_away
        self._application_name = application_name
        self._connection: Connection | None = None

    def get(self) -> Connection:
        """The open connection.

        Raises:
            DatabaseAway, SchemaBehind: not now.
        """
        if self._connection is None or self._connection.closed:
            connection = connect(self._url, application_name=self._application_name, autocommit=True)
            try:
                check_schema(connection)
            except SensError:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    @contextmanager
    def use(self) -> Generator[Connection]:
        """The open connection; one that turns out to be broken, or demoted, is given up."""
        try:
            yield self.get()
        except DatabaseAway:
            self.close()
            self._on_away()
            raise

    def close(self) -> None:
        """Close; the next `get` opens anew."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class SeriesResolver:
    """Finds the rows of sources and series, for the decoding thread."""

    def __init__(
        self, url: str, configuration: Configuration, last_times: LastTimes, on_away: Callable[[], None]
    ) -> None:
        self._connection = Reconnecting(url, "telemetry-worker series", on_away)
        self._tenants = {source.name: source.tenant for source in configuration.sources}
        self._limits = {source.name: source.limits for source in configuration.sources}
        self._last_times = last_times
        self._source_ids: dict[str, int] = {}
        self._indexes: dict[int, tuple[str, SeriesIndex]] = {}

    def source_id(self, name: str) -> int:
        """The source's row, made if it is new. One that left the configuration keeps its tenant's default."""
        known = self._source_ids.get(name)
        if known is None:
            with_tenant = (self._tenants.get(name, "default"), name)
            with self._connection.use() as connection:
                known = resolve_sources(connection, [with_tenant])[name]
            self._source_ids[name] = known
            limits = _series_limits(self._limits.get(name))
            self._indexes[known] = (name, SeriesIndex(limits, self._last_times))
        return known

    @property
    def source_names(self) -> dict[int, str]:
        """Row → name, of the sources seen so far."""
        return {row: name for row, (name, _) in list(self._indexes.items())}

    def quarantine_limits(self, source_id: int) -> QuarantineLimits:
        """The declared cap of the source's quarantine."""
        name, _ = self._indexes.get(source_id, ("", None))
        limits = self._limits.get(name) or Limits()
        return QuarantineLimits(limits.quarantine_max_rows, limits.quarantine_max_bytes)

    def resolve(self, keys: Sequence[SeriesKey]) -> list[int | Rejection]:
        """Series ids in the order of the keys, or why there is to be no such series."""
        found: dict[SeriesKey, int | Rejection] = {}
        for source_id, some in groupby(sorted(set(keys)), key=lambda key: key.source_id):
            name, index = self._indexes[source_id]
            with self._connection.use() as connection:
                resolution = index.resolve(connection, list(some))
            found |= resolution.ids
            for key, reason in resolution.refused.items():
                found[key] = Rejection(reason, _DETAILS.get(reason, f"device {key.device!r}, metric {key.metric!r}"))
                metrics.DEVICES_REFUSED.labels(name).inc(reason is Reason.TOO_MANY_DEVICES)
                metrics.SERIES_REFUSED.labels(name).inc(reason is Reason.TOO_MANY_SERIES)
        return [found[key] for key in keys]

    def forget(self) -> None:
        """Look everything up anew: the database may be an older copy, in which other rows have these ids."""
        self._source_ids.clear()

    def close(self) -> None:
        self._connection.close()


def _series_limits(limits: Limits | None) -> SeriesLimits:
    limits = limits or Limits()
    return SeriesLimits(limits.max_devices, limits.max_series_per_device)


class Store:
    """Stores batches, for the storing thread."""

    def __init__(
        self, url: str, last_times: LastTimes, quarantine_limits: LimitsOf, on_away: Callable[[], None]
    ) -> None:
        self._connection = Reconnecting(url, "telemetry-worker store", on_away)
        self._quarantine_limits = quarantine_limits
        self._last_times = last_times
        self._writer: ReadingWriter | None = None
        self._used: Connection | None = None

    def write(self, batch: Batch) -> WriteResult:
        """Store a batch; messages that the database refuses as data are found and quarantined.

        Raises:
            Retry: write the same batch again.
        """
        with self._connection.use() as connection:
            writer = self._ready_writer(connection)
            try:
                return writer.store(batch)
            except DataRefused as error:
                metrics.BATCHES_BISECTED.inc()
                log.warning("batch_refused_as_data", error=str(error))
                return writer.store(quarantine_messages(batch, writer.find_refused(batch)))

    def settle(self) -> None:
        """Bring latest values up to date with all batches written; then those may be acknowledged.

        Raises:
            Retry: call again.
        """
        with self._connection.use() as connection:
            metrics.BATCH_SECONDS.labels("latest").observe(self._ready_writer(connection).flush_latest())

    def _ready_writer(self, connection: Connection) -> ReadingWriter:
        if self._writer is None:
            self._writer = ReadingWriter(connection, self._last_times, self._quarantine_limits)
        elif connection is not self._used:
            self._writer.use(connection)
        self._used = connection
        return self._writer

    def close(self) -> None:
        self._connection.close()
