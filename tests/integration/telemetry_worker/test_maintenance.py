"""What the leader does for all, against a real log and a real database."""

import asyncio
from collections.abc import Callable

import psycopg

from raw_log import Log
from readings_database import DAY, ReadingsDatabase
from sens.domain.balance import LedgerKey, Tail
from sens.storage import ledger
from sens.storage.kinds import StorageKind, storage_kind
from sens.storage.leader import try_lead
from sens.telemetry_worker.clock import now_us
from sens.telemetry_worker.maintenance import Maintenance
from servers import wait_until

WEEK = 7 * DAY


def partitions(database: ReadingsDatabase, table: str) -> list[str]:
    rows = database.connection.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::text::regclass ORDER BY 1", (table,)
    )
    return [str(name) for (name,) in rows]


def made_ahead(database: ReadingsDatabase) -> int:
    """The present week and the next two; TimescaleDB makes its chunks when something is written."""
    return 3 if storage_kind(database.connection) is StorageKind.PLAIN else 0


async def see(database: ReadingsDatabase, log: Log, source: str, total: int) -> None:
    """The leader has seen that running total in the log's present epoch."""
    tail = Tail(LedgerKey(source, "exclusive", log.stream.epoch), total, 1)
    await asyncio.to_thread(ledger.record_tails, database.leader, [tail])


async def test_a_log_that_went_back_gets_a_new_epoch_once_also_when_a_subject_stays_idle(
    log: Log, maintenance: Maintenance, database: ReadingsDatabase
) -> None:
    first = log.stream.epoch
    await log.publish("plant-a", 5)
    await see(database, log, "plant-a", 10)
    await maintenance._audit(database.leader)
    second = log.stream.epoch
    assert second != first
    for _ in range(3):
        await maintenance._audit(database.leader)
    assert log.stream.epoch == second
    # A loss in the new epoch is one more.
    await log.publish("plant-b", 5)
    database.connection.execute("INSERT INTO source (tenant_id, name) SELECT id, 'plant-b' FROM tenant")
    await see(database, log, "plant-b", 7)
    await maintenance._audit(database.leader)
    assert log.stream.epoch not in (first, second)


STORED = """
INSERT INTO ledger_total (source_id, session, epoch, total, decoded, ignored, quarantined,
                          readings, readings_stored, readings_duplicate, readings_conflict, covered)
SELECT id, 'exclusive', %s, 10, %s, 0, 0, 0, 0, 0, 0, '{}' FROM source WHERE name = 'plant-a'
"""


async def test_more_messages_stored_than_the_log_ever_counted_are_of_a_log_that_went_back(
    log: Log, maintenance: Maintenance, database: ReadingsDatabase
) -> None:
    """A worker that never knew what a restored log had had counts on from the copy: what is stored never fits again."""
    first = log.stream.epoch
    await log.publish("plant-a", 10)
    database.connection.execute(STORED, (first, 10))
    await maintenance._audit(database.leader)
    assert log.stream.epoch == first, "all of it is stored, as it should be"
    database.connection.execute("UPDATE ledger_total SET decoded = 14")
    await maintenance._audit(database.leader)
    assert log.stream.epoch != first


async def test_an_audit_that_cannot_be_made_does_not_stop_what_else_is_due(
    log: Log, maintenance: Maintenance, database: ReadingsDatabase
) -> None:
    with psycopg.connect(database.url) as blocker:
        blocker.execute("LOCK TABLE ledger_tail")
        database.leader.execute("SET lock_timeout = '100ms'")
        await maintenance._lead(database.leader)
    assert len(partitions(database, "reading")) == made_ahead(database)


async def test_the_present_partition_and_the_next_two_are_there(
    maintenance: Maintenance, database: ReadingsDatabase
) -> None:
    await maintenance._keep_house(database.leader)
    for table in ("reading", "reading_text", "reading_10m"):
        assert len(partitions(database, table)) == made_ahead(database)


async def test_how_large_the_log_is_is_noted_beside_the_database(
    log: Log, maintenance: Maintenance, database: ReadingsDatabase
) -> None:
    await log.publish("plant-a", 5)
    await maintenance._keep_house(database.leader)
    assert database.one("SELECT log_bytes FROM database_size") == (await log.stream.state()).bytes > 0


async def test_a_reader_puts_off_retention_and_the_leader_goes_on_leading(
    maintenance: Maintenance, database: ReadingsDatabase
) -> None:
    database.write([(database.series[0], now_us() - 200 * DAY, 1.0)])
    with psycopg.connect(database.url) as reader:
        reader.execute("SELECT count(*) FROM reading")
        running = asyncio.create_task(maintenance.run())
        await _until(lambda: maintenance._housekept_at > 0)
        assert len(partitions(database, "reading")) == made_ahead(database) + 1
        assert not running.done()
        assert not await asyncio.to_thread(try_lead, database.connection)
    maintenance._housekept_at = float("-inf")
    await _until(lambda: len(partitions(database, "reading")) == made_ahead(database))
    maintenance.stopping.set()
    await running


async def _until(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, condition)
