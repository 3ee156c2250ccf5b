"""Live readings as server-sent events, over a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
import msgspec
import pytest

from api import KEYS, assert_problem
from readings_database import MONDAY, ReadingsDatabase
from sens.platform_api import live
from sens.platform_api.app import make_app
from sens.platform_api.services import Services
from sens.runtime.http import serve
from sens.stream.connection import StreamConnection
from sens.stream.live import LivePublisher, live_subject


class Events:
    """An open stream of events."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def line(self) -> str:
        return await asyncio.wait_for(anext(self._lines), 10)

    async def next(self) -> tuple[str, Any]:
        """The next event's name and data; comments are passed over."""
        while not (line := await self.line()).startswith("event: "):
            pass
        return line.removeprefix("event: "), json.loads((await self.line()).removeprefix("data: "))

    async def end(self) -> None:
        """Wait until the server ends the stream."""
        with suppress(StopAsyncIteration):
            while True:
                await self.line()

    async def comment(self, text: str) -> None:
        while await self.line() != f": {text}":
            pass


@pytest.fixture
async def client(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serve(make_app(services), "127.0.0.1", 0, port_variable="SENS_API_PORT") as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", headers={"X-API-Key": KEYS["read"]}) as client,
    ):
        yield client
        services.stopping.set()


async def publish(stream: StreamConnection, source: str, update: dict[str, list[Any]]) -> None:
    await LivePublisher(stream).publish(live_subject(source), msgspec.json.encode(update))


BOTH = {"series": [1, 4, 4711], "time": [MONDAY, MONDAY + 1, MONDAY], "value": [2, "on", 0.0]}


async def test_readings_arrive_with_their_names(client: httpx.AsyncClient, stream: StreamConnection):
    async with client.stream("GET", "/live") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = Events(answer)
        await events.comment("listening")
        await publish(stream, "plant-a", BOTH)
        name, data = await events.next()
    names = {"source": "plant-a", "device": "boiler", "unit": ""}
    assert name == "readings"
    assert data["readings"] == [
        {"series_id": 1, "metric": "m0", "time_us": MONDAY, "value": 2.0, **names},
        {"series_id": 4, "metric": "mode", "time_us": MONDAY + 1, "value": "on", **names},
    ]


async def test_booleans_arrive_as_true_and_false(
    client: httpx.AsyncClient, stream: StreamConnection, database: ReadingsDatabase
):
    of = "(SELECT device_id FROM series WHERE id = 1)"
    series = database.one(f"INSERT INTO series (device_id, metric, kind) VALUES ({of}, 'running', 1) RETURNING id")
    async with client.stream("GET", "/live") as answer:
        events = Events(answer)
        await events.comment("listening")
        await publish(stream, "plant-a", {"series": [series, 1, series], "time": [MONDAY] * 3, "value": [1.0, 1.0, 0]})
        _, data = await events.next()
    assert [json.dumps(reading["value"]) for reading in data["readings"]] == ["true", "1.0", "false"]


async def test_only_what_was_asked_for_arrives(client: httpx.AsyncClient, stream: StreamConnection):
    wanted = {"metric": "mode", "device": "boiler", "source": "plant-a"}
    async with client.stream("GET", "/live", params=wanted) as answer:
        events = Events(answer)
        await events.comment("listening")
        await publish(stream, "plant-b", BOTH)
        await publish(stream, "plant-a", {"series": [1], "time": [MONDAY], "value": [1.0]})
        await publish(stream, "plant-a", {"nonsense": []})
        await publish(stream, "plant-a", BOTH)
        _, data = await events.next()
    assert [reading["metric"] for reading in data["readings"]] == ["mode"]


async def test_a_quiet_stream_has_heartbeats_and_ends_with_its_key(
    client: httpx.AsyncClient, services: Services, database: ReadingsDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.1)
    monkeypatch.setattr(live, "TICK_S", 0.1)
    monkeypatch.setattr("sens.platform_api.keys.TRUSTED_S", 0.3)
    async with client.stream("GET", "/live") as answer:
        events = Events(answer)
        await events.comment("heartbeat")
        await events.comment("heartbeat")
        database.connection.execute("UPDATE api_key SET revoked_at = now()")
        await events.end()
    assert services.live_streams == 0


async def test_streams_have_a_limit_and_give_their_place_back(client: httpx.AsyncClient, services: Services):
    services.max_live_streams = 1
    async with client.stream("GET", "/live") as answer:
        events = Events(answer)  # kept: the connection closes once its reader is freed
        await events.comment("listening")
        refused = await client.get("/live")
        assert_problem(refused, 429, "too-many-streams")
        assert "retry-after" in refused.headers
    for _ in range(100):
        if services.live_streams == 0:
            break
        await asyncio.sleep(0.05)
    assert services.live_streams == 0


async def test_streams_end_when_the_process_drains(client: httpx.AsyncClient, services: Services):
    async with client.stream("GET", "/live") as answer:
        events = Events(answer)
        await events.comment("listening")
        services.stopping.set()
        await events.end()
    assert services.live_streams == 0


async def test_a_slow_client_is_told_what_it_missed(
    client: httpx.AsyncClient, services: Services, stream: StreamConnection, monkeypatch: pytest.MonkeyPatch
):
    """The names are held back until more updates wait than may."""
    monkeypatch.setattr(live, "MAX_WAITING", 3)
    find, held = services.names.find, asyncio.Event()

    async def find_later(ids):
        await held.wait()
        return await find(ids)

    monkeypatch.setattr(services.names, "find", find_later)
    async with client.stream("GET", "/live") as answer:
        events = Events(answer)
        await events.comment("listening")
        for _ in range(10):
            await publish(stream, "plant-a", BOTH)
        await asyncio.sleep(0.5)
        held.set()
        arrived = missed = 0
        while arrived + missed < 10:
            name, data = await events.next()
            arrived += name == "readings"
            missed += data.get("updates", 0)
    assert missed >= 6


async def test_a_source_that_can_be_none_is_refused(client: httpx.AsyncClient):
    for source in ("*", "a.b", ">", ""):
        assert_problem(await client.get("/live", params={"source": source}), 422, "invalid-request")
