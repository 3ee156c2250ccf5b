"""The end of each measurement: what was sent is stored, once, and the ledger says the same."""

import time
from dataclasses import dataclass

from bench.messages import Expected
from bench.stack import Database, Stack

POLL_S = 0.02
# A ledger of many envelopes takes longer to add up: no more than a twentieth of the time.
POLL_SHARE = 20
# Nothing more was stored for so long.
STALLED_S = 30.0

SETTLED = "SELECT coalesce(sum(decoded + ignored + quarantined), 0)::bigint FROM ledger"
BOOKS = """
SELECT coalesce(sum(decoded), 0)::bigint, coalesce(sum(ignored), 0)::bigint, coalesce(sum(quarantined), 0)::bigint,
       coalesce(sum(readings), 0)::bigint, coalesce(sum(readings_stored), 0)::bigint,
       coalesce(sum(readings_duplicate), 0)::bigint, coalesce(sum(readings_conflict), 0)::bigint,
       count(*)
FROM ledger
"""
TAILS = """
SELECT coalesce(sum(total), 0)::bigint
FROM (SELECT max(total) AS total FROM ledger GROUP BY source_id, session, epoch) AS tails
"""
ROWS = """
SELECT (SELECT count(*) FROM reading) + (SELECT count(*) FROM reading_text),
       (SELECT count(*) FROM quarantine),
       (SELECT count(*) FROM series), (SELECT count(*) FROM series_latest)
"""


class ProofFailed(Exception):
    """What is stored is not what was sent: the figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Books:
    """Sums of the ledger, and rows of the tables."""

    decoded: int
    ignored: int
    quarantined: int
    readings: int
    stored: int
    duplicate: int
    conflict: int
    envelopes: int
    running_totals: int
    reading_rows: int
    quarantine_rows: int
    series_rows: int
    latest_rows: int


def settled_messages(database: Database) -> int:
    """Messages in the ledger."""
    row = database.execute(SETTLED).fetchone()
    assert row is not None
    return row[0]


def wait_stored(database: Database, messages: int) -> float:
    """Wait until so many messages are in the ledger; returns when, by the monotonic clock.

    Raises:
        ProofFailed: nothing comes any more, and some are missing.
    """
    found, moved_at = -1, time.monotonic()
    while True:
        asked_at = time.monotonic()
        before, found, now = found, settled_messages(database), time.monotonic()
        if found >= messages:
            return now
        if found != before:
            moved_at = now
        if now - moved_at > STALLED_S:
            raise ProofFailed(f"{found} of {messages} messages are stored, and no more for {STALLED_S:.0f} s")
        time.sleep(max(POLL_S, POLL_SHARE * (now - asked_at)))


def prove(stack: Stack, expected: Expected) -> Books:
    """Lay what was sent beside ledger and tables.

    Raises:
        ProofFailed: with all that does not agree.
    """
    books = _read(stack)
    claims = {
        "decoded messages in the ledger": (books.decoded, expected.decoded),
        "quarantined messages in the ledger": (books.quarantined, expected.quarantined),
        "ignored messages in the ledger": (books.ignored, 0),
        "running totals of the envelopes": (books.running_totals, expected.messages),
        "decoded readings in the ledger": (books.readings, expected.readings),
        "duplicate readings in the ledger": (books.duplicate, expected.duplicates),
        "conflicting readings in the ledger": (books.conflict, 0),
        "stored readings in the ledger": (books.stored, expected.readings - expected.duplicates),
        "rows of readings": (books.reading_rows, books.stored),
        "rows in quarantine": (books.quarantine_rows, expected.quarantined),
        "latest values": (books.latest_rows, books.series_rows),
    }
    wrong = [f"{what}: {found}, not {wanted}" for what, (found, wanted) in claims.items() if found != wanted]
    wrong += [f"{worker.name} logged: {line}" for worker in stack.workers for line in worker.errors()[:3]]
    if wrong:
        raise ProofFailed("\n".join(wrong))
    return books


def _read(stack: Stack) -> Books:
    with stack.database() as database:
        figures = [figure for query in (BOOKS, TAILS, ROWS) for figure in database.execute(query).fetchone() or ()]
    return Books(*figures)
