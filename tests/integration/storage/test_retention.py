"""Retention: whole partitions go when their time is over, and never before rollups hold their readings."""

from collections.abc import Iterator

import pytest

from readings_database import BUCKET, DAY, MINUTE, MONDAY, ReadingsDatabase
from sens.storage.read_readings import Resolution, read_aggregates
from sens.storage.reads import Reader
from sens.storage.retention import drop_raw, drop_rollups, purge_quarantine
from sens.storage.rollups import advance

WEEK = 7 * DAY
LAG = MINUTE


@pytest.fixture
def database(database_url: str) -> Iterator[ReadingsDatabase]:
    database = ReadingsDatabase(database_url)
    yield database
    database.close()


def raw_count(database: ReadingsDatabase) -> int:
    return database.one("SELECT count(*) FROM reading")


def catch_up(database: ReadingsDatabase, now: int) -> None:
    while advance(database.leader, now, LAG).more:
        pass


def test_nothing_is_dropped_before_the_rollup_covers_it(database: ReadingsDatabase) -> None:
    one = database.series[0]
    database.write([(one, MONDAY, 1.0), (one, MONDAY + WEEK, 2.0)])
    assert drop_raw(database.leader, MONDAY + 3 * WEEK) == []
    catch_up(database, MONDAY + BUCKET + LAG)
    assert drop_raw(database.leader, MONDAY + 3 * WEEK) == []
    assert raw_count(database) == 2


def test_late_marks_are_worked_off_before_their_readings_are_dropped(database: ReadingsDatabase) -> None:
    one = database.series[0]
    database.write([(one, MONDAY, 1.0)])
    catch_up(database, MONDAY + 3 * WEEK)
    database.write([(one, MONDAY + MINUTE, 2.0)])
    assert len(drop_raw(database.leader, MONDAY + WEEK)) == 1
    assert raw_count(database) == 0
    assert database.one("SELECT sum(count) FROM reading_10m") == 2


async def test_charts_of_dropped_readings_stay(database: ReadingsDatabase) -> None:
    one = database.series[0]
    database.write([(one, MONDAY + n * BUCKET, float(n)) for n in range(10)])
    catch_up(database, MONDAY + 3 * WEEK)
    drop_raw(database.leader, MONDAY + 2 * WEEK)
    async with Reader(database.url) as reader, reader.connection() as connection:
        # In Nepal a day begins at 18:15 UTC, within ten minutes that only raw readings could divide.
        for zone in ("UTC", "Asia/Kathmandu"):
            answer = await read_aggregates(
                connection, one, MONDAY, MONDAY + DAY // 2, Resolution.DAY, limit=10, time_zone=zone
            )
            assert (answer.count.tolist(), answer.max.tolist()) == ([10], [9.0])


def test_only_whole_partitions_are_dropped(database: ReadingsDatabase) -> None:
    one = database.series[0]
    database.write([(one, MONDAY, 1.0), (one, MONDAY + WEEK, 2.0), (one, MONDAY + 2 * WEEK, 3.0)])
    catch_up(database, MONDAY + 3 * WEEK)
    # Native partitions start on Mondays, TimescaleDB's chunks on Thursdays.
    assert len(drop_raw(database.leader, MONDAY + WEEK + 2 * DAY)) == 1
    assert raw_count(database) == 2


def test_a_writer_in_the_way_puts_off_the_drop(database: ReadingsDatabase) -> None:
    one = database.series[0]
    database.write([(one, MONDAY, 1.0)])
    catch_up(database, MONDAY + 3 * WEEK)
    with database.open_writer() as writer, database.writing(writer, [(one, MONDAY + MINUTE, 2.0)]):
        assert drop_raw(database.leader, MONDAY + WEEK) == []
    assert len(drop_raw(database.leader, MONDAY + WEEK)) == 1
    assert database.one("SELECT sum(count) FROM reading_10m") == 2


def test_rollups_are_kept_at_least_as_long_as_raw_readings(database: ReadingsDatabase) -> None:
    one = database.series[0]
    database.write([(one, MONDAY, 1.0), (one, MONDAY + 40 * WEEK, 1.0)])
    catch_up(database, MONDAY + 50 * WEEK)
    assert drop_rollups(database.leader, MONDAY + 30 * WEEK, MONDAY - WEEK) == []
    assert len(drop_rollups(database.leader, MONDAY + 30 * WEEK, MONDAY + 40 * WEEK)) == 1
    assert database.one("SELECT sum(count) FROM reading_10m") == 1


def test_beyond_the_cap_the_oldest_settled_messages_leave_quarantine_and_no_open_one_does(
    database: ReadingsDatabase,
) -> None:
    for position in range(10):
        database.connection.execute(
            "INSERT INTO quarantine (source_id, envelope_id, position, received_at, topic, payload, reason, detail,"
            " state) VALUES (%s, gen_random_uuid(), %s, now(), 't', '123456789', 'no_route', '', %s)",
            (database.source_id, position, position % 3),
        )

    def positions() -> list[object]:
        return [row[0] for row in database.connection.execute("SELECT position FROM quarantine ORDER BY id")]

    assert purge_quarantine(database.leader, max_rows=10, max_bytes=100) == 0
    assert purge_quarantine(database.leader, max_rows=8, max_bytes=100) == 2
    assert positions() == [0, 3, 4, 5, 6, 7, 8, 9]
    assert purge_quarantine(database.leader, max_rows=100, max_bytes=65) == 2
    assert positions() == [0, 3, 6, 7, 8, 9]
    assert purge_quarantine(database.leader, max_rows=0, max_bytes=0) == 2
    assert positions() == [0, 3, 6, 9]
