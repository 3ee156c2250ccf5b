"""Readings of several series in one answer, and as files that are made while they are sent."""

import asyncio
import csv
import io
import itertools
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from arro3.core import Table
from arro3.io import read_ipc_stream, read_parquet

from api import KEYS, Api, assert_problem
from readings_database import BUCKET, DAY, HOUR, MONDAY, ReadingsDatabase, at
from sens.platform_api import exports
from sens.platform_api.app import make_app
from sens.platform_api.services import Services
from sens.platform_api.times import SECOND
from sens.runtime.http import serve
from sens.storage.errors import DatabaseAway
from sens.storage.read_readings import Resolution

FROM, TO = "2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z"


async def asked(api: Api, *ids: int, **parameters: Any) -> dict[str, Any]:
    answer = await api.get("/readings", series=list(ids), **{"from": FROM, "to": TO} | parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def alone(api: Api, id_: int, **parameters: Any) -> dict[str, Any]:
    answer = await api.get(f"/series/{id_}/readings", **{"from": FROM, "to": TO} | parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


class TestSeveralSeries:
    @pytest.mark.parametrize("resolution", ["10m", "1h", "1d"])
    async def test_each_is_as_if_it_were_asked_for_alone(self, api: Api, resolution: str):
        found = await asked(api, 2, 1, resolution=resolution, time_zone="Asia/Kathmandu")
        assert (found["from"], found["to"]) == (FROM, TO)
        expected = [await alone(api, id_, resolution=resolution, time_zone="Asia/Kathmandu") for id_ in (2, 1)]
        assert found["series"] == expected

    async def test_texts_stand_beside_numbers(self, api: Api):
        found = await asked(api, 4, 1, resolution="1h")
        text, number = found["series"]
        assert (text["kind"], text["resolution"], text["columns"]) == (
            "text",
            "raw",
            {"time_us": [MONDAY], "text": ["on"]},
        )
        assert (number["kind"], number["resolution"]) == ("number", "1h")

    async def test_all_have_the_same_buckets_where_one_has_too_many_readings(
        self, api: Api, database: ReadingsDatabase
    ):
        now = time.time_ns() // 1000
        database.write([(1, now - n * SECOND, 1.0) for n in range(60)] + [(2, now, 1.0)])
        recent = {"from": "now-1h", "to": "now"}
        found = await asked(api, 1, 2, **recent)
        assert [each["resolution"] for each in found["series"]] == ["raw", "raw"]
        found = await asked(api, 1, 2, limit=50, **recent)
        assert [each["resolution"] for each in found["series"]] == ["10m", "10m"]

    async def test_one_that_is_named_twice_comes_once(self, api: Api):
        assert [each["series_id"] for each in (await asked(api, 1, 2, 1))["series"]] == [1, 2]

    async def test_what_is_not_there_and_too_many_are_refused(self, api: Api):
        assert_problem(await api.get("/readings", series=[1, 4711]), 404, "not-found")
        assert_problem(await api.get("/readings"), 422, "invalid-request")
        assert_problem(await api.get("/readings", series=list(range(1, 52))), 422, "invalid-request")


def rows_of(answer: httpx.Response) -> list[dict[str, Any]]:
    """The rows of an export, whatever its format."""
    assert answer.status_code == 200, answer.text
    kind = answer.headers["content-type"].split(";")[0]
    if kind == "text/csv":
        return [
            {name: value or None for name, value in row.items()} for row in csv.DictReader(io.StringIO(answer.text))
        ]
    read = read_parquet if kind.endswith("parquet") else read_ipc_stream
    table: Table = read(io.BytesIO(answer.content)).read_all()
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


async def export(api: Api, **parameters: Any) -> httpx.Response:
    return await api.get("/readings/export", **{"from": FROM, "to": TO} | parameters)


class TestExport:
    @pytest.mark.parametrize("format_", ["csv", "arrow", "parquet"])
    async def test_all_readings_of_all_series_come_by_series_and_time(
        self, api: Api, format_: str, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(exports, "ROWS_PER_PAGE", 37)
        answer = await export(api, format=format_, source="plant-a")
        rows = rows_of(answer)
        assert f'filename="readings-2026-01-05-raw.{format_}"' in answer.headers["content-disposition"]
        assert [int(row["series_id"]) for row in rows] == [1] * 600 + [2, 4]
        assert [float(row["value"]) for row in rows[:601]] == [*map(float, range(600)), 1.0]
        assert rows[601]["text"] == "on"
        assert rows[601]["value"] is None
        assert {(row["source"], row["device"]) for row in rows} == {("plant-a", "boiler")}
        first = rows[1]["time"] if format_ != "csv" else rows[1]["time"].replace("Z", "+00:00")
        assert str(first).replace("T", " ") == str(at(MONDAY + BUCKET // 10))

    @pytest.mark.parametrize("format_", ["csv", "parquet"])
    async def test_buckets_are_those_of_the_other_answers(self, api: Api, format_: str):
        rows = rows_of(await export(api, format=format_, resolution="1h", id=[1, 4]))
        columns = (await alone(api, 1, resolution="1h"))["columns"]
        for name in ("count", "min", "max", "mean", "first", "last"):
            assert [float(row[name]) for row in rows] == columns[name]

    async def test_a_range_of_years_is_read_in_parts(self, api: Api, database: ReadingsDatabase):
        three = database.series[2]
        times = [MONDAY - 3 * 365 * DAY, MONDAY - 365 * DAY, MONDAY + HOUR]
        database.write([(three, time, float(n)) for n, time in enumerate(times)])
        rows = rows_of(await export(api, id=three, **{"from": "2020-01-01T00:00:00Z"}))
        assert [float(row["value"]) for row in rows] == [0, 1, 2]

    async def test_a_bucket_in_which_a_part_ends_comes_once(self, api: Api, monkeypatch: pytest.MonkeyPatch):
        columns = (await alone(api, 1, resolution="10m", to="2026-01-05T02:03:00Z"))["columns"]
        monkeypatch.setitem(exports.LONGEST_DAYS, Resolution.TEN_MINUTES, 1 / 288)  # five minutes
        rows = rows_of(await export(api, id=1, resolution="10m", to="2026-01-05T02:03:00Z"))
        assert [float(row["count"]) for row in rows] == columns["count"]

    async def test_an_export_of_nothing_is_an_empty_table(self, api: Api):
        answer = await export(api, id=3)
        assert answer.text.splitlines() == ["time,series_id,source,device,metric,unit,unit_sent,kind,value,text"]

    async def test_what_fits_nothing_or_too_much_is_refused(self, api: Api, monkeypatch: pytest.MonkeyPatch):
        assert_problem(await export(api, device="nobody"), 404, "not-found")
        assert_problem(await export(api, id=4, resolution="1d"), 404, "not-found")
        assert_problem(await export(api, id=1, resolution="1h", time_zone="Mars/Base"), 422, "invalid-request")
        monkeypatch.setattr("sens.platform_api.routers.many_readings.MAX_EXPORTED_SERIES", 2)
        assert_problem(await export(api), 422, "invalid-request")

    async def test_at_most_so_many_are_made_at_once(self, api: Api, services: Services):
        services.exports = exports.MAX_EXPORTS
        assert_problem(await export(api), 429, "too-many-exports")


@pytest.fixture
async def client(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serve(make_app(services), "127.0.0.1", 0, port_variable="SENS_API_PORT") as port,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}/api/v1", headers={"X-API-Key": KEYS["read"]}, timeout=60
        ) as client,
    ):
        yield client


async def settled(services: Services) -> None:
    async with asyncio.timeout(10):
        while services.exports:  # noqa: ASYNC110  # a number, no event
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("format_", ["csv", "parquet"])
async def test_a_file_that_cannot_be_ended_is_cut(
    client: httpx.AsyncClient,
    services: Services,
    database: ReadingsDatabase,
    monkeypatch: pytest.MonkeyPatch,
    format_: str,
):
    monkeypatch.setattr(exports, "ROWS_PER_PAGE", 10)
    read, reads = exports.read_page, 0

    async def read_page(*arguments: Any) -> Any:
        nonlocal reads
        reads += 1
        if reads == 20:
            raise DatabaseAway("the server was ended")
        return await read(*arguments)

    monkeypatch.setattr(exports, "read_page", read_page)
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get("/readings/export", params={"from": FROM, "to": TO, "format": format_})
    await settled(services)


async def test_a_client_that_leaves_ends_the_export(
    client: httpx.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
):
    read, counter = exports.read_page, itertools.count()

    async def endless(*arguments: Any) -> Any:
        page = await read(*arguments)
        later = replace(page.columns, time=page.columns.time + next(counter) * DAY)
        return replace(page, columns=later, next_from=MONDAY)

    monkeypatch.setattr(exports, "read_page", endless)
    ended = threading.Event()
    run = exports._Bridge.run

    def run_to_its_end(*arguments: Any) -> None:
        run(*arguments)
        ended.set()

    monkeypatch.setattr(exports._Bridge, "run", run_to_its_end)
    async with client.stream("GET", "/readings/export", params={"from": FROM, "to": TO, "id": 1}) as answer:
        taken = 0
        async for chunk in answer.aiter_bytes():
            taken += len(chunk)
            if taken > 1_000_000:
                break
    await settled(services)
    assert await asyncio.to_thread(ended.wait, 10)
