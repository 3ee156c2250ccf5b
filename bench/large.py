"""`python -m bench.large`: queries among 100 million readings, and bytes a reading by kind of storage.

Everything goes through the product's own writer and reader: readings in batches as the telemetry worker
writes them, rollups by the leader's code, charts and latest values by the API's queries. On the embedded
PostgreSQL, and on the server that SENS_TEST_DATABASE_URL names (TimescaleDB, for example).
"""

import argparse
import asyncio
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from psycopg import conninfo, sql
from rich.console import Console

from bench import report
from bench.figures import Goal, Line, Outcome
from bench.loading import DAY_US, Fleet, bytes_a_reading, load, roll_up
from bench.stack import Cluster
from sens.storage.connection import connect
from sens.storage.kinds import storage_kind
from sens.storage.migrate import migrate
from sens.storage.read_devices import SeriesFilter, list_latest
from sens.storage.read_readings import choose_resolution, read_aggregates
from sens.storage.reads import MAX_ROWS, AsyncConnection, Reader

READINGS = 100_000_000
CHART_US = 30 * DAY_US
LATEST_SERIES = 1_000
QUERIES = 300
GIVEN_DATABASE = "sens_bench_large"


def main() -> int:
    options = _options()
    started_at, about = time.monotonic(), dict[str, Any](machine=report.machine())
    folder = Path(tempfile.mkdtemp(prefix="sens-bench-large-", dir=options.folder))
    with Cluster(folder) as cluster:
        about["versions"] = report.versions(cluster)
        outcome = _measure(cluster.server.url(cluster.make_database()), options.readings)
    outcomes = {outcome.raw["kind"]: outcome}
    shutil.rmtree(folder)
    if given := os.environ.get("SENS_TEST_DATABASE_URL"):
        outcome = _on_given_server(given, options.readings)
        outcomes[f"{outcome.raw['kind']} (SENS_TEST_DATABASE_URL)"] = outcome
    report.save(options.output, about, outcomes)
    seconds = round(time.monotonic() - started_at)
    for kind, outcome in outcomes.items():
        report.show(f"{kind}; {seconds} s in all; everything seen: {options.output}", outcome.lines)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench.large", description=__doc__)
    parser.add_argument("--readings", type=int, default=READINGS, help="how many to load; at least 5 million")
    parser.add_argument("--folder", help="where the data goes; default: the system's temporary folder")
    parser.add_argument("--output", type=Path, default=report.RESULTS / "large.json", help="the file of results")
    return parser.parse_args()


def _on_given_server(url: str, readings: int) -> Outcome:
    with psycopg.connect(url, autocommit=True) as admin:
        name = sql.Identifier(GIVEN_DATABASE)
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            database = conninfo.make_conninfo(url, dbname=GIVEN_DATABASE)
            migrate(database)
            return _measure(database, readings)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _measure(url: str, readings: int) -> Outcome:
    say = Console(stderr=True).print
    fleet = Fleet(readings)
    with connect(url, application_name="bench large", autocommit=True, statement_timeout_s=0) as database:
        kind = storage_kind(database)
        say(f"{kind}: loading {fleet.readings:,} readings of {fleet.series:,} series …")
        loaded_s = _timed(lambda: load(database, fleet, lambda part: say(f"  {part:.0%}")))
        say("rolling up …")
        rolled_s = _timed(lambda: roll_up(database))
        sizes = bytes_a_reading(database, kind, fleet.readings)
    say("asking …")
    charts, latest = asyncio.run(_ask(url, fleet))
    lines = [
        Line(f"{fleet.readings:,} readings: chart of 30 days, p95", _percentile(charts, 95), "ms", Goal(30, most=True)),
        Line(f"latest values of {LATEST_SERIES:,} series, p95", _percentile(latest, 95), "ms", Goal(30, most=True)),
        *(Line(f"bytes a reading, {what}", value, "B") for what, value in sizes.items()),
    ]
    raw: dict[str, Any] = {
        "kind": kind.value,
        "readings": fleet.readings,
        "series": fleet.series,
        "load_s": loaded_s,
        "load_readings_per_s": round(fleet.readings / loaded_s),
        "roll_up_s": rolled_s,
        "chart_ms": {f"p{each}": _percentile(charts, each) for each in (50, 95, 99, 100)},
        "latest_ms": {f"p{each}": _percentile(latest, each) for each in (50, 95, 99, 100)},
        "bytes_a_reading": sizes,
    }
    return Outcome(lines, raw)


async def _ask(url: str, fleet: Fleet) -> tuple[list[float], list[float]]:
    """Milliseconds of each chart and of each list of latest values; series are chosen by chance."""
    chance = random.Random(1)
    async with Reader(url) as reader, reader.connection() as connection:
        charts = [await _chart(connection, fleet, chance.choice(fleet.ids)) for _ in range(QUERIES)]
        latest = [await _latest(connection, chance.sample(fleet.ids, LATEST_SERIES)) for _ in range(QUERIES)]
    return charts, latest


async def _chart(connection: AsyncConnection, fleet: Fleet, series: int) -> float:
    """As the API answers `resolution=auto`."""
    start, end = fleet.end - CHART_US, fleet.end

    async def ask() -> None:
        resolution = choose_resolution(start, end, fleet.start)
        points = await read_aggregates(connection, series, start, end, resolution, limit=MAX_ROWS)
        asked = int(points.count.sum())
        expected = CHART_US // fleet.interval
        assert abs(asked - expected) <= 2 * 3600 * 1_000_000 // fleet.interval, f"{asked} of {expected} readings"

    return await _asked(ask)


async def _latest(connection: AsyncConnection, series: list[int]) -> float:
    async def ask() -> None:
        found = await list_latest(connection, SeriesFilter(ids=series), limit=LATEST_SERIES)
        assert len(found) == LATEST_SERIES, f"{len(found)} latest values"

    return await _asked(ask)


async def _asked(ask: Callable[[], Awaitable[None]]) -> float:
    start = time.perf_counter()
    await ask()
    return 1e3 * (time.perf_counter() - start)


def _timed(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return round(time.perf_counter() - start, 1)


def _percentile(values: list[float], which: int) -> float:
    return round(float(np.percentile(values, which)), 1)


if __name__ == "__main__":
    sys.exit(main())
