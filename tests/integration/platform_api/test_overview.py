"""How it goes, at one look."""

import time

from api import KEYS, Api, insert_key
from readings_database import ReadingsDatabase, at
from sens.platform_api.services import Services
from sens.platform_api.times import DAY, SECOND
from sens.storage.overview import KEPT, keep_charts
from sens.stream.connection import StreamConnection
from sens.stream.raw import RawStream
from sens.stream.tails import LogObserver

TEN_MINUTES = 600 * SECOND


def charted(database: ReadingsDatabase, time_us: int, messages: int) -> None:
    database.connection.execute(
        "INSERT INTO intake_10m VALUES (%s, %s, %s, %s)", (database.source_id, at(time_us), messages, 3 * messages)
    )


async def test_what_came_in_is_told_by_ten_minutes(api: Api, database: ReadingsDatabase):
    bucket = time.time_ns() // 1000 // TEN_MINUTES * TEN_MINUTES
    for ago, messages in ((1, 10), (2, 20), (200, 30)):
        charted(database, bucket - ago * TEN_MINUTES, messages)
    intake = (await api.get("/overview")).json()["intake"]
    assert intake == {
        "time_us": [bucket - 2 * TEN_MINUTES, bucket - TEN_MINUTES],
        "messages": [20, 10],
        "readings": [60, 30],
    }
    assert (await api.get("/overview", days=2)).json()["intake"]["messages"] == [30, 20, 10]


async def test_the_sizes_of_database_and_log_are_noted_by_hour_and_forgotten_in_time(
    api: Api, database: ReadingsDatabase
):
    now = time.time_ns() // 1000
    database.connection.execute("INSERT INTO database_size VALUES (%s, 1)", (at(now - KEPT - DAY),))
    database.connection.execute("INSERT INTO database_size VALUES (%s, 1)", (at(now - DAY),))
    charted(database, now - KEPT - DAY, 5)
    for log_bytes in (500, 700):
        keep_charts(database.leader, now, log_bytes)
    sizes = (await api.get("/overview")).json()["database"]
    assert (len(sizes["time_us"]), sizes["log_bytes"]) == (2, [None, 700])
    assert sizes["bytes"][0] == 1
    assert sizes["bytes"][1] > 1_000_000
    assert database.one("SELECT count(*) FROM database_size") == 2
    assert database.one("SELECT count(*) FROM intake_10m") == 0


async def test_the_logs_size_stands_beside_its_limit(
    api: Api, services: Services, stream: StreamConnection, raw: RawStream
):
    assert (await api.get("/overview")).json()["log"] is None, "there is no stream of that name"
    services.log = LogObserver(stream, raw.name)
    empty = (await api.get("/overview")).json()["log"]
    assert empty == {"bytes": 0, "max_bytes": raw.settings.max_bytes, "replay_window_s": 7 * 24 * 3600}
    await raw.publish("sens.raw.plant-a.exclusive", b"x" * 1000, expect_last=0)
    assert (await api.get("/overview")).json()["log"]["bytes"] > 1000


async def test_silent_and_archived_devices_are_counted(api: Api, database: ReadingsDatabase):
    assert (await api.get("/overview")).json()["devices"] == {"active": 1, "archived": 0, "silent": 0}
    database.connection.execute("UPDATE device SET expected_interval_s = 60")
    database.connection.execute("UPDATE series_latest SET time = now() - interval '1 hour'")
    assert (await api.get("/overview")).json()["devices"]["silent"] == 1
    database.connection.execute("UPDATE device SET archived_at = now()")
    assert (await api.get("/overview")).json()["devices"] == {"active": 0, "archived": 1, "silent": 0}


async def test_another_tenant_sees_its_own_only(api: Api, database: ReadingsDatabase):
    charted(database, time.time_ns() // 1000 // TEN_MINUTES * TEN_MINUTES, 10)
    away = database.one("INSERT INTO tenant (name) VALUES ('away') RETURNING id")
    insert_key(database, "away", "sens_away_" + "a" * 40, "read", tenant_id=away)
    seen = (await api.get("/overview", key="sens_away_" + "a" * 40)).json()
    assert (seen["intake"]["messages"], seen["database"], seen["log"], seen["devices"]["active"]) == ([], None, None, 0)
    assert (await api.get("/overview", key=KEYS["read"])).json()["intake"]["messages"] == [10]
