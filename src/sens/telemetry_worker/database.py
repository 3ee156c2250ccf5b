"""The worker's dealings with the database: finding series, and storing batches meanwhile.

The caller repeats a call after a Retry, and everything here may be repeated.
"""

from collections.abc import Sequence
from itertools import groupby

import structlog

from sens.domain.batch import Batch
from sens.domain.batch_ops import quarantine_messages
from sens.domain.columns import Rejection
from sens.domain.reasons import Reason
from sens.runtime import metrics
from sens.sources.models import Configuration, Limits
from sens.storage.connection import Connection
from sens.storage.errors import DataRefused
from sens.storage.last_times import LastTimes
from sens.storage.quarantine_intake import LimitsOf, QuarantineLimits
from sens.storage.series import SeriesIndex, SeriesKey, SeriesLimits
from sens.storage.sources import resolve_sources
from sens.storage.write import ReadingWriter, WriteResult
from sens.telemetry_worker.connections import Connections, Role

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_DETAILS = {
    Reason.TOO_MANY_DEVICES: "raise limits.max_devices of the source, then replay",
    Reason.TOO_MANY_SERIES: "raise limits.max_series_per_device of the source, then replay",
}


class SeriesResolver:
    """Finds the rows of sources and series, for the decoding thread. `use` comes first."""

    _connection: Connection

    def __init__(self, configuration: Configuration, last_times: LastTimes) -> None:
        self._tenants = {source.name: source.tenant for source in configuration.sources}
        self._limits = {source.name: source.limits for source in configuration.sources}
        self._last_times = last_times
        self._source_ids: dict[str, int] = {}
        self._indexes: dict[int, tuple[str, SeriesIndex]] = {}

    def use(self, connection: Connection) -> None:
        """Ask over this connection, and look everything up anew: behind it may be an older copy of the database,
        in which other rows have these ids."""
        self._connection = connection
        self._source_ids.clear()

    def source_id(self, name: str) -> int:
        """The source's row, made if it is new. One that is not declared keeps its tenant."""
        known = self._source_ids.get(name)
        if known is None:
            known = resolve_sources(self._connection, [(self._tenants.get(name), name)])[name]
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
            resolution = index.resolve(self._connection, list(some))
            found |= resolution.ids
            for key, reason in resolution.refused.items():
                found[key] = Rejection(reason, _DETAILS.get(reason, f"device {key.device!r}, metric {key.metric!r}"))
                metrics.DEVICES_REFUSED.labels(name).inc(reason is Reason.TOO_MANY_DEVICES)
                metrics.SERIES_REFUSED.labels(name).inc(reason is Reason.TOO_MANY_SERIES)
        return [found[key] for key in keys]


def _series_limits(limits: Limits | None) -> SeriesLimits:
    limits = limits or Limits()
    return SeriesLimits(limits.max_devices, limits.max_series_per_device)


class Store:
    """Stores batches, for the storing thread."""

    def __init__(self, connections: Connections, last_times: LastTimes, quarantine_limits: LimitsOf) -> None:
        self._connections = connections
        self._quarantine_limits = quarantine_limits
        self._last_times = last_times
        self._writer: ReadingWriter | None = None
        self._used: Connection | None = None

    def write(self, batch: Batch) -> WriteResult | None:
        """Store a batch; messages that the database refuses as data are found and quarantined.

        Returns:
            None: the batch is of another generation than the connection; decode it again.

        Raises:
            Retry: write the same batch again.
        """
        with self._connections.use(Role.STORE) as (connection, generation):
            if batch.generation != generation:
                return None
            writer = self._ready_writer(connection)
            try:
                return writer.store(batch)
            except DataRefused as error:
                metrics.BATCHES_BISECTED.inc()
                log.warning("batch_refused_as_data", error=str(error))
                return writer.store(quarantine_messages(batch, writer.find_refused(batch)))

    def settle(self) -> int:
        """Bring latest values up to date with the batches written over this connection.

        Returns:
            Its generation: batches of this one may be acknowledged, those of others must be written again.

        Raises:
            Retry: call again.
        """
        with self._connections.use(Role.STORE) as (connection, generation):
            metrics.BATCH_SECONDS.labels("latest").observe(self._ready_writer(connection).flush_latest())
            return generation

    def _ready_writer(self, connection: Connection) -> ReadingWriter:
        if self._writer is None:
            self._writer = ReadingWriter(connection, self._last_times, self._quarantine_limits)
        elif connection is not self._used:
            self._writer.use(connection)
        self._used = connection
        return self._writer
