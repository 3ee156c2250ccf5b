"""What the API reads: lists with cursors and limits, latest values, readings at every resolution."""

import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from readings_database import BUCKET, DAY, HOUR, MINUTE, MONDAY, ReadingsDatabase, at
from sens.storage.api_keys import find_api_key, insert_api_key, list_api_keys, revoke_api_key
from sens.storage.errors import DatabaseAway, DatabaseBusy, DataRefused
from sens.storage.partitions import ensure_partitions
from sens.storage.queries import load
from sens.storage.read_devices import (
    Device,
    DeviceFilter,
    DevicePlace,
    DeviceSort,
    SeriesFilter,
    find_device,
    list_devices,
    list_latest,
    list_series,
    list_sources,
)
from sens.storage.read_quarantine import (
    OpenFilter,
    State,
    count_open,
    count_quarantined,
    discard_quarantined,
    find_quarantined,
    list_overflow,
    list_quarantined,
)
from sens.storage.read_readings import Resolution, choose_resolution, choose_sums, read_aggregates, read_raw, read_text
from sens.storage.reads import AsyncConnection, Reader, limited
from sens.storage.rollups import advance

LAG = MINUTE
NEW_SERIES = "INSERT INTO series (device_id, metric, kind) SELECT %s, 'm' || count(*), %s FROM series RETURNING id"


@pytest.fixture
def database(database_url: str) -> Iterator[ReadingsDatabase]:
    database = ReadingsDatabase(database_url)
    yield database
    database.close()


@pytest.fixture
async def connection(database: ReadingsDatabase) -> AsyncIterator[AsyncConnection]:
    async with Reader(database.reader_url) as reader, reader.connection() as connection:
        yield connection


def add_devices(database: ReadingsDatabase, *names: str, source_id: int | None = None) -> list[int]:
    return [
        database.one(
            "INSERT INTO device (source_id, name) VALUES (%s, %s) RETURNING id", source_id or database.source_id, name
        )
        for name in names
    ]


def add_latest(database: ReadingsDatabase, device: int, time: datetime) -> None:
    """A series of numbers whose newest reading is of then."""
    series = database.one(NEW_SERIES, device, 0)
    database.connection.execute("INSERT INTO series_latest VALUES (%s, %s, 1)", (series, time))


def place_of(device: Device) -> DevicePlace:
    return DevicePlace(device.id, device.name, device.last_seen)


async def test_sources_tell_how_many_devices_they_have(database: ReadingsDatabase, connection: AsyncConnection) -> None:
    add_devices(database, "pump")
    database.one("INSERT INTO source (tenant_id, name) VALUES (1, 'plant-b') RETURNING id")
    sources = await list_sources(connection)
    assert [(s.name, s.tenant, s.devices) for s in sources] == [("plant-a", "home", 2), ("plant-b", "home", 0)]
    assert [s.name for s in await list_sources(connection, after="plant-a")] == ["plant-b"]
    assert abs(sources[0].created_at - time.time() * 1e6) < 60e6


async def test_devices_come_in_pages_without_gap_or_repetition(
    database: ReadingsDatabase, connection: AsyncConnection
) -> None:
    other = database.one("INSERT INTO source (tenant_id, name) VALUES (1, 'plant-b') RETURNING id")
    add_devices(database, "pump-1", "pump-2", "100%_pure")
    add_devices(database, "pump-1", "Pümp", source_id=other)
    everyone = await list_devices(connection)
    paged, after = [], None
    while page := await list_devices(connection, after=after, limit=2):
        paged += page
        after = place_of(page[-1])
    assert paged == everyone
    assert len(everyone) == 6
    assert [d.source for d in await list_devices(connection, DeviceFilter(prefix="pump-1"))] == ["plant-a", "plant-b"]
    assert [d.name for d in await list_devices(connection, DeviceFilter(prefix="100%_"))] == ["100%_pure"]
    assert len(await list_devices(connection, DeviceFilter(source="plant-b"))) == 2


@pytest.mark.parametrize("sort", DeviceSort)
async def test_devices_by_their_newest_reading_come_in_pages_without_gap_or_repetition(
    database: ReadingsDatabase, connection: AsyncConnection, sort: DeviceSort
) -> None:
    for name, hours in (("a", 2), ("b", 3), ("c", 2), ("d", None)):
        [device] = add_devices(database, name)
        if hours is not None:
            add_latest(database, device, at(MONDAY - hours * HOUR))
    expected = {
        DeviceSort.NAME: ["a", "b", "boiler", "c", "d"],
        DeviceSort.LONGEST_UNSEEN: ["boiler", "d", "b", "a", "c"],
        DeviceSort.SEEN_LAST: ["c", "a", "b", "d", "boiler"],
    }[sort]
    paged, after = [], None
    while page := await list_devices(connection, sort=sort, after=after, limit=2):
        paged += [device.name for device in page]
        after = place_of(page[-1])
    assert paged == expected


async def test_devices_are_found_by_silence_and_when_they_were_seen(
    database: ReadingsDatabase, connection: AsyncConnection
) -> None:
    now = datetime.now(UTC)
    for name, minutes, interval_s in (("quick", 1, 60), ("slow", 5, 60), ("free", 5, None), ("old", 5, 60)):
        [device] = add_devices(database, name)
        add_latest(database, device, now - timedelta(minutes=minutes))
        database.connection.execute("UPDATE device SET expected_interval_s = %s WHERE id = %s", (interval_s, device))
    database.connection.execute("UPDATE device SET archived_at = now() WHERE name = 'old'")

    async def names(which: DeviceFilter) -> list[str]:
        return [device.name for device in await list_devices(connection, which)]

    assert await names(DeviceFilter(silent=True)) == ["slow"]
    assert await names(DeviceFilter(silent=False)) == ["boiler", "free", "old", "quick"]
    assert await names(DeviceFilter(seen_since=now - timedelta(minutes=2))) == ["quick"]
    assert await names(DeviceFilter(unseen_since=now - timedelta(minutes=2))) == ["boiler", "free", "old", "slow"]
    assert await names(DeviceFilter(unseen_since=now - timedelta(minutes=2), silent=True)) == ["slow"]


async def test_the_main_series_of_a_device_is_its_first_of_numbers(
    database: ReadingsDatabase, connection: AsyncConnection
) -> None:
    texts, numbers = add_devices(database, "texts", "numbers")
    series = [database.one(NEW_SERIES, device, kind) for device, kind in ((texts, 2), (numbers, 2), (numbers, 0))]
    found = {device.name: device.main_series_id for device in await list_devices(connection)}
    assert (found["texts"], found["numbers"]) == (None, series[2])


async def test_people_say_which_metric_is_the_main_one_and_where_it_is_no_number_the_first_is(
    database: ReadingsDatabase, connection: AsyncConnection
) -> None:
    for metric, series in (("m1", database.series[1]), ("gone", database.series[0])):
        database.connection.execute("UPDATE device SET main_metric = %s WHERE name = 'boiler'", (metric,))
        [boiler] = await list_devices(connection)
        assert (boiler.main_metric, boiler.main_series_id) == (metric, series)


async def test_a_device_tells_its_series_and_newest_reading(
    database: ReadingsDatabase, connection: AsyncConnection
) -> None:
    boiler = (await list_devices(connection))[0]
    assert (boiler.series, boiler.last_seen) == (3, None)
    database.connection.execute("INSERT INTO series_latest VALUES (%s, %s, 1)", (database.series[0], at(MONDAY)))
    assert (await find_device(connection, boiler.id)) == (await list_devices(connection))[0]
    assert (await list_devices(connection))[0].last_seen == MONDAY
    assert await find_device(connection, 999_999) is None


async def test_series_are_found_by_device_source_metric_and_ids(
    database: ReadingsDatabase, connection: AsyncConnection
) -> None:
    one, two, three = database.series

    async def ids(which: SeriesFilter, **cursor: int) -> list[int]:
        return [series.id for series in await list_series(connection, which, **cursor)]

    assert await ids(SeriesFilter()) == [one, two, three]
    assert await ids(SeriesFilter(), after=one, limit=1) == [two]
    assert await ids(SeriesFilter(metric="m1", device="boiler", source="plant-a")) == [two]
    assert await ids(SeriesFilter(ids=[three, one])) == [one, three]
    assert await ids(SeriesFilter(ids=[])) == []
    assert await ids(SeriesFilter(source="elsewhere")) == []


async def test_latest_values_bear_their_age(database: ReadingsDatabase, connection: AsyncConnection) -> None:
    one, two, _ = database.series
    database.connection.execute(
        "INSERT INTO series_latest VALUES (%s, now() - interval '1 hour', 2.5, NULL), (%s, now(), NULL, 'on')",
        (one, two),
    )
    first, second = await list_latest(connection, SeriesFilter(device="boiler"))
    assert (first.series_id, first.metric, first.value, first.text) == (one, "m0", 2.5, None)
    assert 3600 <= first.age_s < 3660
    assert (second.value, second.text) == (None, "on")


async def test_a_latest_value_is_stale_after_twice_the_interval_in_which_its_device_is_expected(
    database: ReadingsDatabase, connection: AsyncConnection
) -> None:
    one, two, _ = database.series
    database.connection.execute(
        "INSERT INTO series_latest VALUES (%s, now() - interval '3 minutes', 1), (%s, now() - interval '90 s', 1)",
        (one, two),
    )
    assert [row.stale for row in await list_latest(connection, SeriesFilter())] == [False, False]
    database.connection.execute("UPDATE device SET expected_interval_s = 60")
    assert [row.stale for row in await list_latest(connection, SeriesFilter())] == [True, False]


async def test_raw_readings_come_by_time_from_either_end(
    database: ReadingsDatabase, connection: AsyncConnection
) -> None:
    one, two, _ = database.series
    database.write([(one, MONDAY + n, float(n)) for n in range(10)] + [(two, MONDAY, -1.0)])
    oldest = await read_raw(connection, one, MONDAY + 2, MONDAY + 9, limit=3)
    assert (oldest.time.tolist(), oldest.value.tolist()) == ([MONDAY + n for n in (2, 3, 4)], [2.0, 3.0, 4.0])
    newest = await read_raw(connection, one, MONDAY + 2, MONDAY + 9, limit=3, newest_first=True)
    assert newest.value.tolist() == [8.0, 7.0, 6.0]
    nothing = await read_raw(connection, one, MONDAY + 100, MONDAY + 200, limit=3)
    assert (nothing.time.dtype, nothing.value.tolist()) == ("int64", [])


async def test_texts_come_by_time(database: ReadingsDatabase, connection: AsyncConnection) -> None:
    ensure_partitions(database.connection, "reading_text", [MONDAY])
    database.connection.execute(
        "INSERT INTO reading_text VALUES (1, %s, 'on'), (1, %s, 'öff')", (at(MONDAY), at(MONDAY + 1))
    )
    found = await read_text(connection, 1, MONDAY, MONDAY + 2, limit=10)
    assert (found.time.tolist(), found.text) == ([MONDAY, MONDAY + 1], ["on", "öff"])
    assert (await read_text(connection, 1, MONDAY, MONDAY + 2, limit=1, newest_first=True)).text == ["öff"]
    assert (await read_text(connection, 2, MONDAY, MONDAY + 2, limit=1)).text == []


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns"])
@pytest.mark.parametrize("closed", [False, True])
async def test_days_and_hours_begin_by_the_clock_of_the_time_zone(
    database: ReadingsDatabase, connection: AsyncConnection, zone: str, closed: bool
) -> None:
    """Over the change to summer time, with late marks, from raw and from rollup rows."""
    one = database.series[0]
    start = round(datetime(2026, 3, 27, 7, 3, tzinfo=UTC).timestamp()) * 1_000_000
    readings = [(start + n * 7 * MINUTE, float(n)) for n in range(800)]
    database.write([(one, time, value) for time, value in readings[:700]])
    if closed:
        while advance(database.leader, start + 3 * DAY, LAG).more:
            pass
    database.write([(one, time, value) for time, value in readings[700:]])
    for resolution in (Resolution.DAY, Resolution.HOUR):
        expected: dict[int, list[float]] = {}
        for time_, value in readings:
            local = at(time_).astimezone(ZoneInfo(zone)).replace(minute=0, second=0, microsecond=0)
            bucket = local.replace(hour=0) if resolution is Resolution.DAY else local
            expected.setdefault(round(bucket.timestamp()) * 1_000_000, []).append(value)
        answer = await read_aggregates(connection, one, start, start + 5 * DAY, resolution, limit=1000, time_zone=zone)
        assert answer.time.tolist() == sorted(expected)
        assert answer.count.tolist() == [len(v) for v in expected.values()]
        assert answer.first.tolist() == [v[0] for v in expected.values()]
        assert answer.last.tolist() == [v[-1] for v in expected.values()]
        assert answer.mean.tolist() == pytest.approx([sum(v) / len(v) for v in expected.values()])


async def test_aggregates_are_of_whole_buckets_that_overlap_the_range(
    database: ReadingsDatabase, connection: AsyncConnection
) -> None:
    one = database.series[0]
    database.write([(one, MONDAY + n * MINUTE, 1.0) for n in range(120)])
    answer = await read_aggregates(
        connection, one, MONDAY + 15 * MINUTE, MONDAY + 31 * MINUTE, Resolution.TEN_MINUTES, limit=10
    )
    assert answer.time.tolist() == [MONDAY + n * BUCKET for n in (1, 2, 3)]
    assert answer.count.tolist() == [10, 10, 10]
    hours = await read_aggregates(connection, one, MONDAY + 15 * MINUTE, MONDAY + HOUR, Resolution.HOUR, limit=10)
    assert (hours.time.tolist(), hours.count.tolist()) == ([MONDAY], [60])


async def test_fine_aggregates_are_of_whole_buckets_too(
    database: ReadingsDatabase, connection: AsyncConnection
) -> None:
    one, second = database.series[0], MINUTE // 60
    database.write([(one, MONDAY + n * second, float(n % 7)) for n in range(180)] + [(one, MONDAY - 1, 99.0)])
    for resolution, width in ((Resolution.TEN_SECONDS, 10), (Resolution.MINUTE, 60)):
        answer = await read_aggregates(
            connection, one, MONDAY + 61 * second, MONDAY + 121 * second, resolution, limit=100
        )
        expected = {start: [float(n % 7) for n in range(start, start + width)] for start in range(60, 130, width)}
        expected = {start: values for start, values in expected.items() if start < 121}
        assert answer.time.tolist() == [MONDAY + start * second for start in expected]
        assert answer.count.tolist() == [width] * len(expected)
        assert answer.first.tolist() == [values[0] for values in expected.values()]
        assert answer.last.tolist() == [values[-1] for values in expected.values()]
        assert answer.min.tolist() == [0.0] * len(expected)
        assert answer.mean.tolist() == pytest.approx([sum(values) / width for values in expected.values()])


async def test_aggregates_are_limited(database: ReadingsDatabase, connection: AsyncConnection) -> None:
    one = database.series[0]
    database.write([(one, MONDAY + n * BUCKET, 1.0) for n in range(9)])
    answer = await read_aggregates(connection, one, MONDAY, MONDAY + DAY, Resolution.TEN_MINUTES, limit=4)
    assert len(answer.time) == 4
    assert [limited(n) for n in (-1, 5, 10**9)] == [1, 5, 10_000]


async def test_an_unknown_time_zone_is_refused(database: ReadingsDatabase, connection: AsyncConnection) -> None:
    with pytest.raises(DataRefused, match="Mars"):
        await read_aggregates(connection, 1, MONDAY, MONDAY + DAY, Resolution.DAY, limit=4, time_zone="Mars/Base")


def test_auto_resolution_gives_a_chart_some_two_thousand_points() -> None:
    assert choose_resolution(MONDAY, MONDAY + HOUR, raw_from=0) is Resolution.RAW
    assert choose_resolution(MONDAY, MONDAY + HOUR, raw_from=MONDAY + DAY) is Resolution.TEN_MINUTES
    assert choose_resolution(MONDAY, MONDAY + 14 * DAY, 0) is Resolution.RAW
    assert choose_resolution(MONDAY, MONDAY + 14 * DAY, raw_from=MONDAY + DAY) is Resolution.TEN_MINUTES
    assert choose_resolution(MONDAY, MONDAY + 30 * DAY, 0) is Resolution.HOUR
    assert choose_resolution(MONDAY, MONDAY + 365 * DAY, 0) is Resolution.DAY


def test_sums_of_what_is_too_dense_for_a_chart_are_as_fine_as_it_can_show() -> None:
    assert choose_sums(MONDAY, MONDAY + HOUR, 2500) is Resolution.TEN_SECONDS
    assert choose_sums(MONDAY, MONDAY + DAY, 2500) is Resolution.MINUTE
    assert choose_sums(MONDAY, MONDAY + 2 * DAY, 2500) is Resolution.TEN_MINUTES
    assert choose_sums(MONDAY, MONDAY + HOUR, 100) is Resolution.MINUTE
    # One more bucket than the range is long, where it begins within one.
    assert choose_sums(MONDAY + 1, MONDAY + HOUR + 1, 361) is Resolution.TEN_SECONDS
    assert choose_sums(MONDAY + 1, MONDAY + HOUR + 1, 360) is Resolution.MINUTE
    assert choose_sums(MONDAY, MONDAY + DAY, 100) is Resolution.TEN_MINUTES


async def test_a_query_that_takes_too_long_ends_as_busy(database: ReadingsDatabase) -> None:
    async with Reader(database.reader_url, statement_timeout_s=0.2) as reader:
        with pytest.raises(DatabaseBusy):
            async with reader.connection() as connection:
                await connection.execute("SELECT pg_sleep(5)")


async def test_a_pool_outlives_connections_that_the_server_ends(database: ReadingsDatabase) -> None:
    async with Reader(database.reader_url, size=1) as reader:
        async with reader.connection() as connection:
            assert len(await list_sources(connection)) == 1
        database.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sens api'"
            " AND datname = current_database()"
        )
        async with reader.connection() as connection:
            assert len(await list_sources(connection)) == 1


async def test_a_database_that_is_away_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sens.storage.reads.POOL_WAIT_S", 0.3)
    async with Reader("postgresql://nobody@127.0.0.1:1/none") as reader:
        with pytest.raises(DatabaseAway):
            async with reader.connection():
                pass


async def test_quarantine_is_listed_shown_discarded_and_counted(
    database: ReadingsDatabase, connection: AsyncConnection
) -> None:
    for position, reason in enumerate(["no_route", "invalid_syntax", "no_route", "conflict"]):
        database.connection.execute(
            "INSERT INTO quarantine (source_id, envelope_id, position, received_at, topic, payload, reason, detail)"
            " VALUES (%s, gen_random_uuid(), %s, %s, 'a/b', %s, %s, 'why')",
            (database.source_id, position, at(MONDAY), b"\x00\xff" * position, reason),
        )
    newest, *_, oldest = listed = await list_quarantined(connection)
    assert [q.position for q in listed] == [3, 2, 1, 0]
    assert (newest.source, newest.topic, newest.payload_bytes, newest.received_at) == ("plant-a", b"a/b", 6, MONDAY)
    assert await list_quarantined(connection, before=newest.id, limit=2) == listed[1:3]
    assert [q.position for q in await list_quarantined(connection, source="plant-a", reason="no_route")] == [2, 0]
    assert await find_quarantined(connection, newest.id) == (newest, b"\x00\xff" * 3)
    assert await find_quarantined(connection, 999_999) is None
    assert await discard_quarantined(connection, [oldest.id, 999_999]) == [oldest.id]
    assert await discard_quarantined(connection, [oldest.id]) == []
    database.connection.execute("UPDATE quarantine SET state = 1 WHERE id = %s", (newest.id,))
    assert [q.position for q in await list_quarantined(connection)] == [2, 1]
    assert [q.position for q in await list_quarantined(connection, state=State.DISCARDED)] == [0]
    assert len(await list_quarantined(connection, state=None)) == 4
    counts = {(c.reason, c.state): (c.messages, c.bytes) for c in await count_quarantined(connection)}
    assert counts[("no_route", State.OPEN)] == (1, 7)
    assert counts[("conflict", State.REPLAYED)] == (1, 9)


@pytest.mark.parametrize("analyzed", [False, True], ids=["not analyzed", "analyzed"])
async def test_what_was_not_looked_at_is_counted_by_reading_each_message_a_few_times(
    database: ReadingsDatabase, connection: AsyncConnection, analyzed: bool
) -> None:
    envelopes, messages = 6, 500
    database.connection.execute(
        "INSERT INTO quarantine (source_id, envelope_id, position, received_at, topic, payload, reason, detail)"
        " SELECT %s, md5((n / %s)::text)::uuid, n %% %s, now(), '', '', 'no_route', ''"
        " FROM generate_series(0, %s) AS n",
        (database.source_id, messages, messages, envelopes * messages - 1),
    )
    if analyzed:
        database.connection.execute("ANALYZE quarantine")
    for looked_at in (1, envelopes - 1):
        # The place of an envelope is its first message.
        which = OpenFilter(until=envelopes * messages, after=(looked_at - 1) * messages + 1)
        assert await count_open(connection, which) == (envelopes - looked_at) * messages
        plan = await connection.execute(
            "EXPLAIN (ANALYZE, FORMAT JSON) " + load("read_quarantine")["count_open"], which.parameters()
        )
        explained: Any = await plan.fetchone()
        assert rows_read(explained[0][0]["Plan"]) < 10 * envelopes * messages


def rows_read(plan: dict[str, Any]) -> float:
    """By a step of a plan and those below it; also those that did not fit."""
    found = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Join Filter", 0)
    return plan["Actual Loops"] * found + sum(map(rows_read, plan.get("Plans", [])))


async def test_overflow_is_listed(database: ReadingsDatabase, connection: AsyncConnection) -> None:
    database.connection.execute(
        "INSERT INTO quarantine_overflow VALUES (%s, 'no_route', 'a/b', 7, %s, %s, 'x')",
        (database.source_id, at(MONDAY), at(MONDAY + 5)),
    )
    [found] = await list_overflow(connection, source="plant-a")
    assert (found.reason, found.topic, found.count, found.first_at, found.sample) == (
        "no_route",
        b"a/b",
        7,
        MONDAY,
        b"x",
    )
    assert await list_overflow(connection, source="elsewhere") == []


async def test_api_keys_are_kept_found_listed_and_revoked(connection: AsyncConnection) -> None:
    kept = await insert_api_key(
        connection, name="ci", prefix="sens_abc", key_hash="$hash", scope="read", expires_at=MONDAY
    )
    assert (kept.expires_at, kept.revoked_at) == (MONDAY, None)
    assert "$hash" not in repr(kept)
    assert await find_api_key(connection, "sens_abc") == kept
    assert await find_api_key(connection, "sens_x") is None
    with pytest.raises(DataRefused):
        await insert_api_key(connection, name="ci", prefix="sens_def", key_hash="$", scope="admin")
    revoked = await revoke_api_key(connection, kept.id)
    assert revoked is not None
    assert revoked.revoked_at is not None
    assert await revoke_api_key(connection, kept.id) == revoked
    assert await list_api_keys(connection) == [revoked]
    assert await revoke_api_key(connection, 999_999) is None
