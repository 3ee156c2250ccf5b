"""From publish to 1,000 clients of live readings, at 2,000 readings a second.

Once each client follows a device of its own, as screens do, and once all of them follow everything, so that each
reading goes out a thousand times.
"""

import time
from dataclasses import asdict
from typing import Any

from bench.figures import Context, Goal, Line, Outcome
from bench.listen import Listened
from bench.live import usage
from bench.load import Tool, publish, published
from bench.messages import STAMP, UNIFORM_DEVICES, UNIFORM_READINGS
from bench.proof import ProofFailed, prove, wait_stored
from bench.stack import Database, Stack, start_together, wait_connected

CLIENTS = 1_000
READINGS_PER_S = 2_000
GOAL_MS = 1_000
NEWEST = """
SELECT right(device.name, 4)::int, series_latest.value::bigint
FROM series_latest JOIN series ON series.id = series_latest.series_id JOIN device ON device.id = series.device_id
WHERE series.metric = %s
"""


def live_clients(context: Context) -> Outcome:
    """Percentiles over all readings and clients; CPU and memory of the API."""
    lines, raw = list[Line](), dict[str, Any]()
    for follow, what in (("device", "a device each"), ("everything", "everything each")):
        with context.stack() as stack:
            raw[follow] = seen = _run(stack, follow, context.latency_s)
        name, delay_ms = f"{CLIENTS:,} live clients, {what}", seen["listened"]["delay_ms"]
        lines += [
            Line(f"{name}: publish to client, p50", delay_ms["p50"], "ms"),
            Line(f"{name}: publish to client, p95", delay_ms["p95"], "ms", Goal(GOAL_MS, most=True)),
            Line(f"{name}: publish to client, p99", delay_ms["p99"], "ms"),
            Line(f"{name}: CPU of the API", seen["api_cores"], "cores"),
            Line(f"{name}: memory of the API, peak", seen["memory_mb"]["api-0"]["peak"], "MB"),
        ]
    return Outcome(lines, raw)


def _run(stack: Stack, follow: str, seconds: float) -> dict[str, Any]:
    ingestion, api = stack.ingestion(), stack.api()
    start_together(ingestion, stack.telemetry(), api)
    wait_connected(ingestion)
    with stack.database() as database:
        warm_up = publish(stack.broker.port, UNIFORM_DEVICES, "stamped")
        wait_stored(database, warm_up.messages)
        listener = Tool(
            "listen",
            port=api.port,
            clients=CLIENTS,
            seconds=seconds,
            follow=follow,
            **{"key-file": f"{api.key_file}"},
        )
        try:
            listener.wait_ready()
            with stack.meter() as meter:
                started_at = time.monotonic()
                load = Tool(
                    "publish",
                    port=stack.broker.port,
                    seconds=seconds,
                    rate=READINGS_PER_S / UNIFORM_READINGS,
                    kind="stamped",
                )
                sent = published(load)
                metered_s = time.monotonic() - started_at
            listened = Listened(**listener.result())
        finally:
            listener.kill()
        wait_stored(database, warm_up.messages + sent.messages)
        stack.stop_workers()
        _prove_newest(database, listened)
    books = prove(stack, warm_up.expected + sent.expected)
    seen = asdict(listened)
    del seen["newest"]
    return {
        "listened": seen,
        "api_cores": round(meter.cpu_s["api-0"] / metered_s, 2),
        **usage(meter, sent.messages),
        "books": asdict(books),
    }


def _prove_newest(database: Database, listened: Listened) -> None:
    """However much was coalesced, every client has the newest reading of each device.

    Raises:
        ProofFailed: some have not.
    """
    stored = dict(database.execute(NEWEST, (STAMP,)).fetchall())
    behind = [device for device, stamp in stored.items() if listened.newest[device] != stamp]
    if behind or listened.resets:
        raise ProofFailed(f"of {len(behind)} devices clients lack the newest reading; {listened.resets} resets")
