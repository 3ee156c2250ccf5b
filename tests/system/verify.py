"""Does the database hold what was sent, once? Asked in SQL, with none of the product's code."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from servers import wait_until
from system.harness import CONNECTED, Stack
from system.sender import Sender
from system.tap import Tap

MAX_MEMORY_MB = {"mqtt-ingestion-worker": 120, "telemetry-worker": 250, "platform-api": 150}
"""What is promised at full load."""
TEST_MARGIN = 1.2
"""Short lives on a busy machine hold more at once than the long ones that the promise is measured on."""
STALLED_S = 25.0
QUIET_ROUNDS = 15

NUMBERS = """
SELECT source.name, device.name, reading.value
FROM reading
JOIN series ON series.id = reading.series_id AND series.metric = 'n'
JOIN device ON device.id = series.device_id
JOIN source ON source.id = device.source_id
"""

BOOKS = """
WITH books AS (
    SELECT decoded, ignored, quarantined, readings, readings_stored, readings_duplicate, readings_conflict
    FROM ledger WHERE NOT summed
    UNION ALL
    SELECT decoded, ignored, quarantined, readings, readings_stored, readings_duplicate, readings_conflict
    FROM ledger_total
)
SELECT coalesce(sum(decoded), 0)::bigint, coalesce(sum(ignored), 0)::bigint, coalesce(sum(quarantined), 0)::bigint,
       coalesce(sum(readings), 0)::bigint, coalesce(sum(readings_stored), 0)::bigint,
       coalesce(sum(readings_duplicate), 0)::bigint, coalesce(sum(readings_conflict), 0)::bigint
FROM books
"""

RUNNING_TOTALS = """
SELECT coalesce(sum(total), 0)::bigint
FROM (SELECT max(total) AS total FROM ledger GROUP BY source_id, session, epoch) AS tails
"""


@dataclass(frozen=True, slots=True)
class Books:
    """Sums of the ledger, and what they have to agree with."""

    decoded: int
    ignored: int
    quarantined: int
    readings: int
    stored: int
    duplicate: int
    conflict: int
    running_totals: int
    reading_rows: int
    quarantine_rows: int

    @property
    def messages(self) -> int:
        return self.decoded + self.ignored + self.quarantined


def read_books(stack: Stack) -> Books:
    with stack.database() as database, database.transaction():
        database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        sums = _row(database, BOOKS)
        counts = (
            _row(database, each)[0]
            for each in (RUNNING_TOTALS, "SELECT count(*) FROM reading", "SELECT count(*) FROM quarantine")
        )
        return Books(*sums, *counts)


def stored_numbers(stack: Stack, source: str) -> Counter[tuple[str, int]]:
    """(device, number) → how often it is stored."""
    with stack.database() as database:
        rows = database.execute(NUMBERS + "WHERE source.name = %s", (source,)).fetchall()
    return Counter((device, int(value)) for _, device, value in rows)


def settle(stack: Stack, *senders: Sender) -> None:
    """End the senders' load and wait until all that they had acknowledged is stored, as far as it ever will be.

    Fails when, for a long while, nothing more is stored although something is missing.
    """
    for sender in senders:
        sender.pause()
    stack.wait_for_servers()
    wanted = sum(len(sender.acked) for sender in senders)
    messages, moved_at = -1, time.monotonic()
    while messages < wanted and time.monotonic() - moved_at < STALLED_S:
        stack.assert_no_worker_failed()
        before, messages = messages, read_books(stack).messages
        moved_at = time.monotonic() if messages != before else moved_at
        time.sleep(0.05)
    stack.wait_for_drain()


def settle_deliveries(stack: Stack, tap: Tap) -> None:
    """Wait until all that the broker has delivered is stored, as far as it ever will be."""
    stack.wait_for_servers()
    [ingestion] = stack.running("mqtt-ingestion-worker")
    wait_until(lambda: ingestion.metric(CONNECTED) == 1, what="the worker to be connected again")
    before, quiet = (-1, -1), 0
    while quiet < QUIET_ROUNDS:
        now = (tap.delivered.total(), read_books(stack).messages)
        quiet = quiet + 1 if now == before and stack.pending_envelopes() == 0 else 0
        before = now
        time.sleep(0.2)


def longest_way_s(stack: Stack, source: str) -> float:
    """The longest that a message took from its receipt to the database."""
    query = """
        SELECT extract(epoch FROM max(stored_at - received_at))::float8
        FROM ledger JOIN source ON source.id = source_id WHERE source.name = %s AND total > 0
    """
    with stack.database() as database:
        row = database.execute(query, (source,)).fetchone()
    assert row is not None
    return row[0]


def assert_books_agree(stack: Stack) -> Books:
    """The ledger adds up, and to the rows that are there."""
    books = read_books(stack)
    assert books.readings == books.stored + books.duplicate + books.conflict, books
    assert books.running_totals == books.messages, f"envelopes are missing in the ledger, or twice: {books}"
    assert books.stored == books.reading_rows, books
    assert books.quarantined == books.quarantine_rows == 0, books
    for api in stack.running("platform-api"):
        wait_until(api.ready, what="the API to answer")
        ledger = stack.ledger()["total"]
        assert ledger["balanced"], ledger
        assert (ledger["received"], ledger["pending"], ledger["lost"]) == (books.messages, 0, 0), ledger
    return books


def assert_exactly_once(stack: Stack, *senders: Sender) -> None:
    """Every message that was acknowledged to the sender is stored once, and nothing else. For faults on our side
    of the broker: the sender's connection was never lost."""
    settle(stack, *senders)
    for sender in senders:
        assert not sender.repeated, "the sender's own connection was lost: the test is wrong"
        stored = stored_numbers(stack, sender.source)
        acked = {(sender.device(number), number) for number in sender.acked}
        missing, strange = acked - stored.keys(), stored.keys() - acked
        doubled = {key: count for key, count in stored.items() if count > 1}
        assert not missing, f"{len(missing)} of {len(acked)} lost: {_some(missing)}"
        assert not doubled, f"{len(doubled)} of {len(acked)} doubled: {_some(doubled)}"
        assert not strange, f"{len(strange)} stored that were not acknowledged: {_some(strange)}"
    books = assert_books_agree(stack)
    assert books.messages == sum(len(sender.acked) for sender in senders), books
    assert books.readings == 2 * books.messages, books
    assert (books.duplicate, books.conflict) == (0, 0), f"the log holds a message twice: {books}"


def assert_memory_bounded(stack: Stack) -> None:
    """In each life of each worker, also those that were killed."""
    for worker in stack.workers:
        worker.look_at_memory()
        limit = TEST_MARGIN * MAX_MEMORY_MB[worker.deployable]
        assert worker.peak_memory_mb < limit, f"{worker.name}: {worker.peak_memory_mb:.0f} MB of {limit:.0f}"


def assert_no_bug_logged(stack: Stack) -> None:
    """A fault is no excuse for a traceback."""
    for worker in stack.workers:
        failures = [line for line in worker.failures() if not any(f'"{one}"' in line for one in stack.expected_errors)]
        assert not failures, (worker.name, failures[:3])


def _row(database: "psycopg.Connection[tuple[Any, ...]]", query: str) -> Sequence[int]:
    row = database.execute(query).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row


def _some(keys: Any) -> list[Any]:
    ordered = sorted(keys, key=lambda key: key[1])
    return ordered if len(ordered) <= 10 else [*ordered[:5], "…", *ordered[-5:]]
