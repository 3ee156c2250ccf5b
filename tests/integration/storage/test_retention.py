"""Retention: whole partitions go when their time is over, and never before rollups hold their readings."""

from collections.abc import Iterator

import pytest

from readings_database import BUCKET, DAY, MINUTE, MONDAY, ReadingsDatabase, at
from sens.storage.partitions import drop_partitions_before
from sens.storage.read_readings import Resolution, read_aggregates
from sens.storage.reads import Reader
from sens.storage.retention import drop_raw, drop_rollups
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
    assert drop_raw(database.leader, MONDAY + 3 * WEEK).names == []
    catch_up(database, MONDAY + BUCKET + LAG)
    assert drop_raw(database.leader, MONDAY + 3 * WEEK).names == []
    assert raw_count(database) == 2


def test_late_marks_are_worked_off_before_their_readings_are_dropped(database: ReadingsDatabase) -> None:
    one = database.series[0]
    database.write([(one, MONDAY, 1.0)])
    catch_up(database, MONDAY + 3 * WEEK)
    database.write([(one, MONDAY + MINUTE, 2.0)])
    assert len(drop_raw(database.leader, MONDAY + WEEK).names) == 1
    assert raw_count(database) == 0
    assert database.one("SELECT sum(count) FROM reading_10m") == 2


async def test_charts_of_dropped_readings_stay(database: ReadingsDatabase) -> None:
    one = database.series[0]
    database.write([(one, MONDAY + n * BUCKET, float(n)) for n in range(10)])
    catch_up(database, MONDAY + 3 * WEEK)
    drop_raw(database.leader, MONDAY + 2 * WEEK)
    async with Reader(database.reader_url) as reader, reader.connection() as connection:
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
    assert len(drop_raw(database.leader, MONDAY + WEEK + 2 * DAY).names) == 1
    assert raw_count(database) == 2


def test_a_writer_in_the_way_puts_off_the_drop(database: ReadingsDatabase) -> None:
    one = database.series[0]
    database.write([(one, MONDAY, 1.0)])
    catch_up(database, MONDAY + 3 * WEEK)
    with database.open_writer() as writer, database.writing(writer, [(one, MONDAY + MINUTE, 2.0)]):
        assert drop_raw(database.leader, MONDAY + WEEK) == ([], 1)
    assert len(drop_raw(database.leader, MONDAY + WEEK).names) == 1
    assert database.one("SELECT sum(count) FROM reading_10m") == 2


def test_rollups_are_kept_at_least_as_long_as_raw_readings(database: ReadingsDatabase) -> None:
    one = database.series[0]
    database.write([(one, MONDAY, 1.0), (one, MONDAY + 40 * WEEK, 1.0)])
    catch_up(database, MONDAY + 50 * WEEK)
    assert drop_rollups(database.leader, MONDAY + 30 * WEEK, MONDAY - WEEK) == ([], 0)
    assert len(drop_rollups(database.leader, MONDAY + 30 * WEEK, MONDAY + 40 * WEEK).names) == 1
    assert database.one("SELECT sum(count) FROM reading_10m") == 1


def test_a_partition_that_may_not_go_stays_with_those_after_it(database: ReadingsDatabase) -> None:
    one = database.series[0]
    database.write([(one, MONDAY + week * WEEK, 1.0) for week in range(3)])
    catch_up(database, MONDAY + 4 * WEEK)
    dropped = drop_partitions_before(
        database.leader, "reading", MONDAY + 3 * WEEK, lambda end: end <= MONDAY + WEEK + DAY
    )
    assert (len(dropped.names), dropped.left) == (1, 2)
    database.connection.execute("INSERT INTO late_mark VALUES (%s, %s)", (one, at(MONDAY + WEEK)))
    assert len(drop_raw(database.leader, MONDAY + 3 * WEEK).names) == 2


def test_a_reader_puts_off_the_drop_without_holding_up_writers_and_what_was_dropped_stays_dropped(
    database: ReadingsDatabase,
) -> None:
    one = database.series[0]
    database.write([(one, MONDAY + week * WEEK, 1.0) for week in range(4)])
    catch_up(database, MONDAY + 5 * WEEK)
    with database.open_writer() as reader:

        def drop_one_then_read(end: int) -> bool:
            if end > MONDAY + WEEK + DAY:
                reader.execute("SELECT count(*) FROM reading")
            return True

        dropped = drop_partitions_before(database.leader, "reading", MONDAY + 4 * WEEK, drop_one_then_read)
        assert (len(dropped.names), dropped.left) == (1, 3)
        assert raw_count(database) == 3
        assert drop_raw(database.leader, MONDAY + 4 * WEEK) == ([], 3)
        with database.open_writer() as writer:
            writer.execute("SET lock_timeout = '5s'")
            with database.writing(writer, [(one, MONDAY + 3 * WEEK + MINUTE, 1.0)]):
                pass
    assert len(drop_raw(database.leader, MONDAY + 4 * WEEK).names) == 3
