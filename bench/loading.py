"""Fills a database with a month of readings, through the product's own writer."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, LiteralString

import numpy as np
from numpy.typing import NDArray

from sens.domain.batch import Batch, EnvelopeEntry, Outcome
from sens.domain.columns import Kind
from sens.storage import rollups
from sens.storage.connection import Connection
from sens.storage.kinds import StorageKind
from sens.storage.last_times import LastTimes
from sens.storage.series import SeriesIndex, SeriesKey, SeriesLimits
from sens.storage.sources import resolve_sources
from sens.storage.write import ReadingWriter

DAY_US = 86_400_000_000
SERIES = 2_000
SPAN_US = 35 * DAY_US
BATCH_READINGS = 100_000
METRICS = ("temperature", "humidity", "battery", "pressure")
TABLES = ("reading", "reading_10m")
PLAIN_BYTES = """
SELECT coalesce(sum(pg_total_relation_size(relid)), 0)::bigint FROM pg_partition_tree(%s::text::regclass) WHERE isleaf
"""
HYPERTABLE_BYTES = "SELECT hypertable_size(%s::text::regclass)"
TO_COLUMNS = "SELECT compress_chunk(chunk) FROM show_chunks(%s::text::regclass) AS chunk"


@dataclass(slots=True)
class Fleet:
    """2,000 series with as many readings each, evenly over the last 35 days.

    Attributes:
        wanted: about how many readings in all.
        interval: between two readings of a series, in µs.
        start, end: µs since 1970 UTC.
        ids: the series' ids, once loaded.
    """

    wanted: int
    ids: list[int] = field(default_factory=list[int])
    end: int = field(default_factory=lambda: time.time_ns() // 1000)

    @property
    def series(self) -> int:
        return SERIES

    @property
    def steps(self) -> int:
        return max(1, self.wanted // SERIES)

    @property
    def readings(self) -> int:
        return self.steps * SERIES

    @property
    def interval(self) -> int:
        return SPAN_US // self.steps

    @property
    def start(self) -> int:
        return self.end - self.steps * self.interval


def load(database: Connection, fleet: Fleet, progress: Callable[[float], None]) -> None:
    """Write all readings in the order of time, as they would have come."""
    source = resolve_sources(database, [("default", "large")])["large"]
    last_times = LastTimes()
    fleet.ids = _make_series(database, source, last_times)
    writer, chance = ReadingWriter(database, last_times), np.random.default_rng(1)
    steps_a_batch = max(1, BATCH_READINGS // SERIES)
    told = 0
    for total, first in enumerate(range(0, fleet.steps, steps_a_batch), start=1):
        steps = np.arange(first, min(first + steps_a_batch, fleet.steps))
        writer.write(_batch(fleet, source, steps, total, chance))
        if (part := 10 * int(steps[-1] + 1) // fleet.steps) > told:
            told = part
            progress(part / 10)


def _make_series(database: Connection, source: int, last_times: LastTimes) -> list[int]:
    keys = [
        SeriesKey(source, f"device-{number // len(METRICS):04}", METRICS[number % len(METRICS)], "", Kind.NUMBER)
        for number in range(SERIES)
    ]
    found = SeriesIndex(SeriesLimits(), last_times).resolve(database, keys).ids
    return [found[key] for key in keys]


def _batch(fleet: Fleet, source: int, steps: NDArray[Any], total: int, chance: np.random.Generator) -> Batch:
    """One envelope with one message, whose readings are those of all series at these steps."""
    count = len(steps) * SERIES
    times = np.repeat(fleet.start + steps * fleet.interval, SERIES)
    ids = np.tile(np.array(fleet.ids, np.int32), len(steps))
    # Slow waves and a little noise: what sensors measure.
    waves = 20 + 5 * np.sin(times / (DAY_US / 6.28) + ids)
    return Batch(
        envelopes=[EnvelopeEntry(os.urandom(16), source, "large", b"benchlrg", total, int(times[0]), total)],
        message_envelope=np.zeros(1, np.int32),
        message_position=np.zeros(1, np.int32),
        outcome=np.array([Outcome.DECODED], np.uint8),
        received_at=times[:1],
        retained=np.zeros(1, np.bool_),
        topics=[b""],
        payloads=[b""],
        reading_message=np.zeros(count, np.int32),
        series=ids,
        time=times,
        value=np.round(waves + chance.normal(0, 0.1, count), 2),
    )


def roll_up(database: Connection) -> None:
    """Compute all ten-minute rows, as the leader does."""
    while rollups.advance(database, time.time_ns() // 1000, 0).more:
        pass


def bytes_a_reading(database: Connection, kind: StorageKind, readings: int) -> dict[str, float]:
    """Bytes a raw reading, indexes included: of `reading` and of `reading_10m`, as written and, where the
    server can, in columns (TimescaleDB's policy would do that when a chunk is a week old)."""
    query = PLAIN_BYTES if kind is StorageKind.PLAIN else HYPERTABLE_BYTES
    found = {f"{table}, {kind}": _bytes(database, query, table) / readings for table in TABLES}
    if kind is StorageKind.TIMESCALE:
        for table in TABLES:
            database.execute(TO_COLUMNS, (table,))
        found |= {f"{table}, in columns": _bytes(database, query, table) / readings for table in TABLES}
    database.execute("VACUUM ANALYZE")
    return {what: round(value, 1) for what, value in found.items()}


def _bytes(database: Connection, query: LiteralString, table: str) -> int:
    row = database.execute(query, (table,)).fetchone()
    return int(str(row[0])) if row else 0
