"""However many partitions there are, a statement touches those of its time only."""

from collections.abc import Iterator

import numpy as np
import pytest

from readings_database import DAY, MINUTE, MONDAY, ReadingsDatabase
from sens.storage.kinds import StorageKind, storage_kind
from sens.storage.last_times import LastTimes
from sens.storage.latest import Latest, upsert_latest_stored
from sens.storage.partitions import NEWEST_TIME
from sens.storage.read_readings import Resolution, read_aggregates
from sens.storage.readings import NUMBERS, Fate, Rows, make_staged_tables, store
from sens.storage.reads import Reader

LOCKED = (
    "SELECT DISTINCT c.relname::text FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
    " WHERE l.pid = pg_backend_pid() AND c.relname ~ '^reading.*_p[0-9]+$' ORDER BY 1"
)
NOTHING = Latest(np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0))


@pytest.fixture
def database(database_url: str) -> Iterator[ReadingsDatabase]:
    database = ReadingsDatabase(database_url)
    if storage_kind(database.connection) is not StorageKind.PLAIN:
        pytest.skip("TimescaleDB chooses chunks by itself")
    database.ensure_partitions(MONDAY + week * 7 * DAY for week in range(-9, 10))
    database.write([(1, MONDAY + minute * MINUTE, float(minute)) for minute in range(60)])
    yield database
    database.close()


@pytest.mark.parametrize("resolution", [Resolution.TEN_MINUTES, Resolution.HOUR, Resolution.DAY])
async def test_a_chart_locks_the_partitions_of_its_range_only(
    database: ReadingsDatabase, resolution: Resolution
) -> None:
    start, end = MONDAY + 2 * DAY, MONDAY + 3 * DAY
    async with Reader(database.reader_url) as reader, reader.connection() as connection, connection.transaction():
        await read_aggregates(connection, 1, start, end, resolution, limit=1000)
        locked = [name for (name,) in await (await connection.execute(LOCKED)).fetchall()]
    assert [name for name in locked if str(name).startswith("reading_p")] == ["reading_p20260105"]


def test_a_batch_with_duplicates_locks_the_partitions_of_its_times_only(database: ReadingsDatabase) -> None:
    known = LastTimes()
    known.advance(np.array([1], np.int32), np.array([NEWEST_TIME]))
    time = np.array([MONDAY, MONDAY + MINUTE])
    rows = Rows(np.arange(2), np.array([1, 1], np.int32), time, np.array([0.0, 5.0]))
    make_staged_tables(database.connection)
    with database.connection.transaction():
        stored = store(database.connection, NUMBERS, rows, known)
        assert database.connection.execute(LOCKED).fetchall() == [("reading_p20260105",)]
    assert (stored.fate.tolist(), stored.conflicts) == ([Fate.DUPLICATE, Fate.CONFLICT], {1: 1.0})


def test_latest_values_of_known_envelopes_are_looked_up_in_the_partitions_of_their_times_only(
    database: ReadingsDatabase,
) -> None:
    latest = Latest(np.array([1], np.int32), np.array([MONDAY]), np.array([7.0]))
    with database.connection.transaction():
        upsert_latest_stored(database.connection, latest, NOTHING)
        assert database.connection.execute(LOCKED).fetchall() == [("reading_p20260105",)]
    assert database.one("SELECT value FROM series_latest WHERE series_id = 1") == 0.0
