"""Rollups on a real PostgreSQL: whatever runs beside, a query equals the aggregate of the raw readings."""

import asyncio
import random
import threading
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any, cast

import numpy as np
import psycopg
import pytest

from readings_database import BUCKET, DAY, HOUR, MINUTE, MONDAY, ReadingsDatabase, at
from sens.storage.leader import connect_maintenance
from sens.storage.read_readings import Aggregates, Resolution, read_aggregates
from sens.storage.reads import Reader
from sens.storage.rollups import (
    advance,
    compute_next_slice,
    move_write_mark,
    read_marks,
    work_off_late_marks,
)

LAG = MINUTE


@pytest.fixture
def database(database_url: str) -> Iterator[ReadingsDatabase]:
    database = ReadingsDatabase(database_url)
    yield database
    database.close()


def rollup(database: ReadingsDatabase) -> list[tuple[Any, ...]]:
    return database.connection.execute(
        "SELECT series_id, bucket, count, sum, min, max, first, last FROM reading_10m ORDER BY 1, 2"
    ).fetchall()


def buckets(readings: list[tuple[int, float]]) -> dict[int, list[float]]:
    """Ten minutes' start → values by time: the oracle."""
    found: dict[int, list[float]] = defaultdict(list)
    for time, value in sorted(readings):
        found[time - time % BUCKET].append(value)
    return dict(found)


def agrees(answer: Aggregates, expected: dict[int, list[float]]) -> bool:
    values = [expected[time] for time in sorted(expected)]
    return (
        answer.time.tolist() == sorted(expected)
        and answer.count.tolist() == [len(v) for v in values]
        and answer.min.tolist() == [min(v) for v in values]
        and answer.max.tolist() == [max(v) for v in values]
        and answer.first.tolist() == [v[0] for v in values]
        and answer.last.tolist() == [v[-1] for v in values]
        and np.allclose(answer.mean, [sum(v) / len(v) for v in values])
    )


async def ask(
    url: str, series: int, start: int, end: int, resolution: Resolution = Resolution.TEN_MINUTES
) -> Aggregates:
    async with Reader(url) as reader, reader.connection() as connection:
        return await read_aggregates(connection, series, start, end, resolution, limit=10_000)


def test_closed_buckets_hold_count_sum_extremes_and_ends_by_time(database: ReadingsDatabase) -> None:
    one, two, _ = database.series
    database.write([(one, MONDAY + 3 * MINUTE, 5.0), (one, MONDAY + MINUTE, 7.0), (one, MONDAY + 9 * MINUTE, 6.0)])
    database.write([(two, MONDAY + BUCKET, -1.0), (two, MONDAY + 2 * BUCKET, 9.0)])
    progress = advance(database.leader, MONDAY + 2 * BUCKET + LAG, LAG)
    assert (progress.read_until, progress.write_until) == (MONDAY + 2 * BUCKET, MONDAY + 2 * BUCKET)
    assert rollup(database) == [
        (one, at(MONDAY), 3, 18.0, 5.0, 7.0, 7.0, 6.0),
        (two, at(MONDAY + BUCKET), 1, -1.0, -1.0, -1.0, -1.0, -1.0),
    ]


def test_years_without_readings_are_passed_over_in_one_step(database: ReadingsDatabase) -> None:
    one = database.series[0]
    database.write([(one, MONDAY - 9 * 365 * DAY, 1.0), (one, MONDAY, 2.0)])
    progress = advance(database.leader, MONDAY + BUCKET + LAG, LAG, max_steps=3)
    assert progress.slices == 2
    assert not progress.more
    assert [row[2] for row in rollup(database)] == [1, 1]


def test_an_empty_database_advances_both_marks(database: ReadingsDatabase) -> None:
    progress = advance(database.leader, MONDAY + LAG, LAG)
    assert (progress.read_until, progress.write_until, progress.more) == (MONDAY, MONDAY, False)


def test_marks_never_go_back(database: ReadingsDatabase) -> None:
    advance(database.leader, MONDAY + DAY, LAG)
    before = read_marks(database.leader)
    assert not advance(database.leader, MONDAY, LAG).more
    assert read_marks(database.leader) == before


def test_a_late_reading_is_recomputed_into_its_bucket(database: ReadingsDatabase) -> None:
    one = database.series[0]
    database.write([(one, MONDAY + MINUTE, 1.0)])
    advance(database.leader, MONDAY + DAY, LAG)
    database.write([(one, MONDAY + 2 * MINUTE, 3.0), (one, MONDAY + HOUR, 4.0)])
    assert advance(database.leader, MONDAY + DAY, LAG).late_marks == 2
    assert [row[2:4] for row in rollup(database)] == [(2, 4.0), (1, 4.0)]
    assert database.one("SELECT count(*) FROM late_mark") == 0


def test_values_whose_sum_overflows_do_not_stop_rollups(database: ReadingsDatabase) -> None:
    one, two, _ = database.series
    database.write([(one, MONDAY + n * MINUTE, 1.7e308) for n in range(3)])
    database.write([(two, MONDAY, 1.7e308), (two, MONDAY + MINUTE, -1.7e308)])
    advance(database.leader, MONDAY + BUCKET + LAG, LAG)
    (_, _, count, total, *rest), (*_, first, last) = rollup(database)
    assert (count, total, rest) == (3, float("inf"), [1.7e308] * 4)
    assert (first, last) == (1.7e308, -1.7e308)


def test_a_writer_that_holds_the_lock_puts_off_the_leader_and_stalls_nobody(
    database: ReadingsDatabase,
) -> None:
    one = database.series[0]
    database.ensure_partitions([MONDAY])
    # TimescaleDB: whoever makes a chunk holds up others that write to it, until the commit.
    database.write([(one, MONDAY, 0.0)])
    with database.open_writer() as slow:
        with database.writing(slow, [(one, MONDAY + MINUTE, 1.0)]):
            assert not move_write_mark(database.leader, MONDAY + BUCKET)
            assert not advance(database.leader, MONDAY + BUCKET + LAG, LAG).more
            database.write([(one, MONDAY + 2 * MINUTE, 2.0)])
            assert read_marks(database.leader) == (None, None)
        assert advance(database.leader, MONDAY + BUCKET + LAG, LAG).read_until == MONDAY + BUCKET
    assert [row[2] for row in rollup(database)] == [3]
    assert database.one("SELECT count(*) FROM late_mark") == 0


async def test_a_leader_that_dies_between_its_two_transactions_leaves_queries_exact(database: ReadingsDatabase) -> None:
    one = database.series[0]
    database.write([(one, MONDAY + MINUTE, 1.0), (one, MONDAY + BUCKET, 2.0)])
    assert move_write_mark(database.leader, MONDAY + 2 * BUCKET)
    database.connection.execute("SELECT pg_terminate_backend(%s)", (database.leader.info.backend_pid,))
    database.write([(one, MONDAY + 2 * MINUTE, 3.0)])
    expected = {MONDAY: [1.0, 3.0], MONDAY + BUCKET: [2.0]}
    assert agrees(await ask(database.reader_url, one, MONDAY, MONDAY + HOUR), expected)
    successor = connect_maintenance(database.writer_url)
    advance(successor, MONDAY + 2 * BUCKET + LAG, LAG)
    successor.close()
    assert [row[2] for row in rollup(database)] == [2, 1]
    assert agrees(await ask(database.reader_url, one, MONDAY, MONDAY + HOUR), expected)


async def test_a_late_reading_counts_before_its_bucket_is_recomputed(database: ReadingsDatabase) -> None:
    one = database.series[0]
    database.write([(one, MONDAY + MINUTE, 1.0), (one, MONDAY + DAY, 1.0)])
    advance(database.leader, MONDAY + 2 * DAY, LAG)
    database.write([(one, MONDAY + 2 * MINUTE, 2.0), (one, MONDAY + HOUR, 5.0)])
    answer = await ask(database.reader_url, one, MONDAY, MONDAY + 2 * DAY)
    assert agrees(answer, {MONDAY: [1.0, 2.0], MONDAY + HOUR: [5.0], MONDAY + DAY: [1.0]})
    days = await ask(database.reader_url, one, MONDAY, MONDAY + 2 * DAY, Resolution.DAY)
    assert (days.time.tolist(), days.count.tolist()) == ([MONDAY, MONDAY + DAY], [3, 1])


def test_a_late_write_while_the_leader_recomputes_keeps_its_mark(database: ReadingsDatabase) -> None:
    one = database.series[0]
    database.write([(one, MONDAY + MINUTE, 1.0)])
    advance(database.leader, MONDAY + DAY, LAG)
    database.write([(one, MONDAY + 2 * MINUTE, 2.0)])
    # A writer whose reading and mark are there, but not committed, while the leader takes the marks.
    with database.open_writer() as writer, database.writing(writer, [(one, MONDAY + 3 * MINUTE, 3.0)]):
        assert work_off_late_marks(database.leader) == 1
        assert rollup(database)[0][2] == 2
    assert database.one("SELECT count(*) FROM late_mark") == 1
    assert work_off_late_marks(database.leader) == 1
    assert rollup(database)[0][2:4] == (3, 6.0)


def test_a_write_between_taking_marks_and_recomputing_is_recomputed_now_or_later(database: ReadingsDatabase) -> None:
    """The recomputation waits for a row lock while another late reading of its bucket commits."""
    one = database.series[0]
    database.write([(one, MONDAY + MINUTE, 1.0)])
    advance(database.leader, MONDAY + DAY, LAG)
    database.write([(one, MONDAY + 2 * MINUTE, 2.0)])
    done = threading.Event()

    def recompute() -> None:
        work_off_late_marks(database.leader)
        done.set()

    with psycopg.connect(database.url) as blocker:
        blocker.execute("SELECT FROM reading_10m FOR UPDATE")
        thread = threading.Thread(target=recompute)
        thread.start()
        assert not done.wait(0.3)
        database.write([(one, MONDAY + 3 * MINUTE, 3.0)])
    thread.join(10)
    assert database.one("SELECT count(*) FROM late_mark") == 1
    assert rollup(database)[0][2] == 2
    work_off_late_marks(database.leader)
    assert rollup(database)[0][2] == 3


def test_a_write_to_a_bucket_whose_raw_readings_are_gone_does_not_spoil_its_row(database: ReadingsDatabase) -> None:
    one = database.series[0]
    database.write([(one, MONDAY + n * MINUTE, 1.0) for n in range(5)])
    advance(database.leader, MONDAY + DAY, LAG)
    database.connection.execute("DELETE FROM reading")
    database.write([(one, MONDAY + 7 * MINUTE, 2.0)])
    answer = asyncio.run(ask(database.reader_url, one, MONDAY, MONDAY + BUCKET))
    assert answer.count.tolist() == [5]
    work_off_late_marks(database.leader)
    assert [row[2] for row in rollup(database)] == [5]


def test_one_call_does_a_bounded_number_of_steps_and_says_that_there_is_more(database: ReadingsDatabase) -> None:
    one = database.series[0]
    database.write([(one, MONDAY + n * HOUR, 1.0) for n in range(6)])
    progress = advance(database.leader, MONDAY + DAY, LAG, max_steps=2)
    assert (progress.slices, progress.more) == (2, True)
    while advance(database.leader, MONDAY + DAY, LAG, max_steps=2).more:
        pass
    assert len(rollup(database)) == 6
    assert not compute_next_slice(database.leader)


@pytest.mark.parametrize("seed", range(3))
async def test_queries_are_exact_at_any_moment_of_random_interleavings(database: ReadingsDatabase, seed: int) -> None:
    """Writers with late and new readings, a leader that moves on: every answer equals the raw readings.

    Readings and answer are read in one snapshot, so whatever commits in between cannot excuse a difference.
    """
    database.ensure_partitions([MONDAY])
    stop = threading.Event()
    threads = [threading.Thread(target=_write_at_random, args=(database, stop, seed * 10 + n)) for n in range(2)]
    threads.append(threading.Thread(target=_lead_at_random, args=(database, stop, seed)))
    for thread in threads:
        thread.start()
    try:
        answers = await _compare(database, seed)
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
    assert answers == [True] * len(answers)
    while advance(database.leader, MONDAY + 2 * DAY, LAG).more:
        pass
    assert database.one("SELECT count(*) FROM late_mark") == 0
    assert database.one("SELECT sum(count) FROM reading_10m") == database.one("SELECT count(*) FROM reading")


def _write_at_random(database: ReadingsDatabase, stop: threading.Event, seed: int) -> None:
    chance = random.Random(seed)
    with database.open_writer() as writer:
        while not stop.is_set():
            readings = [
                (chance.choice(database.series), MONDAY + chance.randrange(0, 4 * HOUR), float(chance.randrange(100)))
                for _ in range(chance.randrange(1, 8))
            ]
            with database.writing(writer, readings):
                stop.wait(chance.choice([0, 0, 0.005]))


def _lead_at_random(database: ReadingsDatabase, stop: threading.Event, seed: int) -> None:
    chance = random.Random(seed)
    now = MONDAY
    while not stop.is_set():
        now += chance.randrange(0, 5 * MINUTE)
        advance(database.leader, now, LAG, max_steps=chance.randrange(1, 4))
        stop.wait(chance.choice([0, 0.002]))


async def _compare(database: ReadingsDatabase, seed: int) -> list[bool]:
    chance = random.Random(seed)
    answers: list[bool] = []
    async with Reader(database.reader_url) as reader, reader.connection() as connection:
        for _ in range(150):
            series = chance.choice(database.series)
            async with connection.transaction():
                await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                answer = await read_aggregates(
                    connection, series, MONDAY, MONDAY + 4 * HOUR, Resolution.TEN_MINUTES, limit=1000
                )
                rows = await (
                    await connection.execute("SELECT time, value FROM reading WHERE series_id = %s", (series,))
                ).fetchall()
            raw = [
                (round((time - at(0)).total_seconds() * 1e6), value)
                for time, value in cast("list[tuple[datetime, float]]", rows)
            ]
            answers.append(agrees(answer, buckets(raw)))
            await asyncio.sleep(0.005)
    return answers
