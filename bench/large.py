"""`python -m bench.large`: queries among 100 million readings, and bytes a reading by kind of storage.

Everything goes through the product's own writer and reader: readings in batches as the telemetry worker
writes them, rollups by the leader's code, charts and latest values by requests to a running API. On the embedded
PostgreSQL, and on the server that SENS_TEST_DATABASE_URL names (TimescaleDB, for example).
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
from psycopg import conninfo, sql
from rich.console import Console

from bench import report
from bench.figures import Goal, Line, Outcome
from bench.loading import DAY_US, Fleet, bytes_a_reading, load, roll_up
from bench.stack import Api, Cluster, lonely_api
from sens.storage.connection import connect
from sens.storage.kinds import storage_kind
from sens.storage.migrate import migrate

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
        outcome = _measure(cluster.server.url(cluster.make_database()), folder, options.readings)
    outcomes = {outcome.raw["kind"]: outcome}
    shutil.rmtree(folder)
    if given := os.environ.get("SENS_TEST_DATABASE_URL"):
        outcome = _on_given_server(given, folder, options.readings)
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


def _on_given_server(url: str, folder: Path, readings: int) -> Outcome:
    with psycopg.connect(url, autocommit=True) as admin:
        name = sql.Identifier(GIVEN_DATABASE)
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            database = conninfo.make_conninfo(url, dbname=GIVEN_DATABASE)
            migrate(database)
            return _measure(database, folder, readings)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _measure(url: str, folder: Path, readings: int) -> Outcome:
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
    with lonely_api(folder / "api", url) as api:
        charts, latest = _ask(api, fleet)
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


def _ask(api: Api, fleet: Fleet) -> tuple[list[float], list[float]]:
    """Milliseconds of each chart and of each list of latest values; series are chosen by chance."""
    chance = random.Random(1)
    headers = {"Authorization": f"Bearer {api.key}"}
    with httpx.Client(base_url=api.url, headers=headers, timeout=60.0) as client:
        client.get("/devices", params={"limit": 1}).raise_for_status()
        charts = [_chart(client, fleet, chance.choice(fleet.ids)) for _ in range(QUERIES)]
        latest = [_latest(client, chance.sample(fleet.ids, LATEST_SERIES)) for _ in range(QUERIES)]
    return charts, latest


def _chart(client: httpx.Client, fleet: Fleet, series: int) -> float:
    start, end = (f"{datetime.fromtimestamp(at / 1e6, UTC):%Y-%m-%dT%H:%M:%SZ}" for at in _month_of(fleet))
    milliseconds, answer = _asked(client, f"/series/{series}/readings", {"from": start, "to": end})
    asked, expected = sum(answer["columns"]["count"]), CHART_US // fleet.interval
    assert abs(asked - expected) <= 2 * 3600 * 1_000_000 // fleet.interval, f"{asked} of {expected} readings"
    return milliseconds


def _month_of(fleet: Fleet) -> tuple[int, int]:
    return fleet.end - CHART_US, fleet.end


def _latest(client: httpx.Client, series: list[int]) -> float:
    milliseconds, answer = _asked(client, "/latest", {"id": series, "limit": LATEST_SERIES})
    assert len(answer["items"]) == LATEST_SERIES, f"{len(answer['items'])} latest values"
    return milliseconds


def _asked(client: httpx.Client, path: str, parameters: dict[str, Any]) -> tuple[float, Any]:
    """How long the whole request took, and the answer. A thousand ids take the client a while to write into a URL: that
    is done before."""
    request = client.build_request("GET", path, params=parameters)
    start = time.perf_counter()
    answer = client.send(request)
    milliseconds = 1e3 * (time.perf_counter() - start)
    answer.raise_for_status()
    return milliseconds, answer.json()


def _timed(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return round(time.perf_counter() - start, 1)


def _percentile(values: list[float], which: int) -> float:
    return round(float(np.percentile(values, which)), 1)


if __name__ == "__main__":
    sys.exit(main())
