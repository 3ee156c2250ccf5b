"""From publish to queryable: marked messages among a load, looked for by SELECT every 2 ms.

The polling connection is part of the load: some 500 queries a second, whose cost the result contains.
"""

import json
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from bench.figures import Context, Goal, Line, Outcome
from bench.live import usage
from bench.load import Tool, published
from bench.messages import Expected, topic
from bench.packets import Client, Ring
from bench.proof import ProofFailed, prove, wait_stored
from bench.stack import Database, Stack, start_together, wait_connected

RATE = 2_000
PROBE_EVERY_S = 0.025
POLL_EVERY_S = 0.002
LOST_AFTER_S = 10.0
# The series is looked up once; this is what a screen that shows the newest value asks.
FIND_SERIES = "SELECT series.id FROM series JOIN device ON device.id = series.device_id WHERE device.name = 'probe'"
NEWEST = "SELECT value FROM reading WHERE series_id = %s AND time > %s ORDER BY time DESC LIMIT 1"


def latency(context: Context) -> Outcome:
    """Percentiles of the delay at 2,000 messages a second."""
    with context.stack() as stack:
        ingestion = stack.ingestion()
        start_together(ingestion, stack.telemetry())
        wait_connected(ingestion)
        with stack.database() as database, stack.meter() as meter:
            prober = Prober(database, stack)
            load = Tool("publish", port=stack.broker.port, seconds=context.latency_s + 1, rate=RATE)
            time.sleep(1)
            delays = prober.run(context.latency_s)
            sent = published(load)
            expected = sent.expected + Expected(decoded=prober.sent, readings=prober.sent)
            wait_stored(database, expected.messages)
        stack.stop_workers()
        books = prove(stack, expected)
    p50, p99, most = (round(float(each), 1) for each in np.percentile(delays, (50, 99, 100)))
    lines = [
        Line(f"publish to queryable at {RATE:,}/s, p50", p50, "ms"),
        Line(f"publish to queryable at {RATE:,}/s, p99", p99, "ms", Goal(100, most=True)),
    ]
    raw = {"p50_ms": p50, "p99_ms": p99, "max_ms": most, "probes": len(delays), "polls": prober.polls}
    return Outcome(lines, raw | usage(meter, expected.messages) | {"books": asdict(books)})


class Prober:
    """Publishes numbers and looks for them.

    Attributes:
        sent: how many, the first to find its series included.
        polls: how many queries.
    """

    def __init__(self, database: Database, stack: Stack) -> None:
        self.database = database
        self.client = Client(stack.broker.port, "bench-prober")
        self.sent = 0
        self.polls = 0
        self._publish()
        wait_stored(database, 1)
        self._series: Sequence[int] = database.execute(FIND_SERIES).fetchone() or ()
        row = database.execute("SELECT now()").fetchone()
        self._since = row[0] if row else None

    def run(self, seconds: float) -> list[float]:
        """Probe for so long; returns delays in ms.

        Raises:
            ProofFailed: a probe never came.
        """
        waiting, delays = deque[tuple[int, float]](), list[float]()
        start = time.monotonic()
        due = start
        while time.monotonic() < start + seconds or waiting:
            if due <= time.monotonic() < start + seconds:
                waiting.append((self.sent, time.monotonic()))
                self._publish()
                due += PROBE_EVERY_S
            newest, now = self._newest(), time.monotonic()
            while waiting and waiting[0][0] <= newest:
                delays.append(1e3 * (now - waiting.popleft()[1]))
            if waiting and now - waiting[0][1] > LOST_AFTER_S:
                raise ProofFailed(f"probe {waiting[0][0]} is not stored after {LOST_AFTER_S:.0f} s")
            time.sleep(POLL_EVERY_S)
        return delays

    def _publish(self) -> None:
        payload = json.dumps({"number": self.sent}).encode()
        ring = Ring([topic("probe")], [payload])
        ring.next_id = self.sent % 65_535 + 1
        self.client.socket.sendall(ring.take(1)[1])
        self.sent += 1

    def _newest(self) -> int:
        self.polls += 1
        row = self.database.execute(NEWEST, (self._series[0], self._since), prepare=True).fetchone()
        return int(row[0]) if row else -1
