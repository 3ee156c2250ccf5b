"""Live readings as server-sent events, over a real socket."""

import asyncio
import itertools
import json
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
import msgspec
import pytest

from api import KEYS, assert_problem, insert_key
from readings_database import MONDAY, ReadingsDatabase
from sens.platform_api.app import make_app
from sens.platform_api.services import Services
from sens.runtime.http import serve
from sens.stream.connection import StreamConnection
from sens.stream.live import LivePublisher, live_subject


class Events:
    """An open stream of events.

    Attributes:
        last_id: as a browser's EventSource keeps it.
    """

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.last_id = ""
        self._lines = answer.aiter_lines()

    async def line(self) -> str:
        line = await asyncio.wait_for(anext(self._lines), 10)
        if line.startswith("id: "):
            self.last_id = line.removeprefix("id: ")
        return line

    async def next(self) -> tuple[str, Any]:
        """The next event's name and data; comments are passed over."""
        name = ""
        while not (line := await self.line()).startswith("data: "):
            name = line.removeprefix("event: ") if line.startswith("event: ") else name
        return name, json.loads(line.removeprefix("data: "))

    async def values(self) -> list[Any]:
        """What the next event with readings brings."""
        name, data = await self.next()
        assert name == "readings"
        return [reading["value"] for reading in data["readings"]]

    async def begin(self) -> None:
        """Wait until the server listens and has told where the stream begins."""
        while await self.line() != "":
            pass

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
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}/api/v1", headers={"X-API-Key": KEYS["read"]}, timeout=60
        ) as client,
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
        await events.begin()
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
        await events.begin()
        await publish(stream, "plant-a", {"series": [series, 1, 2], "time": [MONDAY] * 3, "value": [1.0, 1.0, 0]})
        values = await events.values()
    assert list(map(json.dumps, values)) == ["true", "1.0", "false"]


@pytest.mark.parametrize(
    ("wanted", "metrics"),
    [
        ({"metric": "mode", "device": "boiler", "source": "plant-a"}, ["mode"]),
        ({"series_id": [4, 3]}, ["m2", "mode"]),
        ({"device_id": [4711, 1], "metric": "m0"}, ["m0"]),
        ({"source": "plant-a"}, ["m0", "m2", "mode"]),
    ],
)
async def test_only_what_was_asked_for_arrives(
    client: httpx.AsyncClient,
    stream: StreamConnection,
    database: ReadingsDatabase,
    wanted: dict[str, Any],
    metrics: list[str],
):
    other = insert_series(database, "plant-b", "pump")
    async with client.stream("GET", "/live", params=wanted) as answer:
        events = Events(answer)
        await events.begin()
        await publish(stream, "plant-b", {"series": [other], "time": [MONDAY], "value": [1.0]})
        await publish(stream, "plant-a", {"nonsense": []})
        await publish(stream, "plant-a", {"series": [2**40], "time": [MONDAY], "value": [1]})
        await publish(stream, "plant-a", {"series": [1, 3, 4], "time": [MONDAY] * 3, "value": [1.0, 3.0, "on"]})
        _, data = await events.next()
    assert [reading["metric"] for reading in data["readings"]] == metrics


async def test_what_belongs_to_another_tenant_does_not_arrive(
    services: Services, client: httpx.AsyncClient, stream: StreamConnection, database: ReadingsDatabase
):
    foreign = insert_series(database, "plant-c", "boiler", tenant="away")
    home, token = database.one("SELECT id FROM tenant WHERE name = 'home'"), "sens_home_" + "h" * 40
    insert_key(database, "of-home", token, "read", tenant_id=home)
    update = {"series": [foreign, 1], "time": [MONDAY] * 2, "value": [9.0, 1.0]}
    filters: list[dict[str, Any]] = [{}, {"device": "boiler"}, {"series_id": [foreign, 1]}]
    for wanted in filters:
        async with client.stream("GET", "/live", params=wanted, headers={"X-API-Key": token}) as answer:
            events = Events(answer)
            await events.begin()
            await publish(stream, "plant-c", update)
            assert await events.values() == [1.0]


async def test_a_quiet_stream_has_heartbeats_and_ends_with_its_key(
    client: httpx.AsyncClient, services: Services, database: ReadingsDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sens.platform_api.live.events.HEARTBEAT_S", 0.1)
    monkeypatch.setattr("sens.platform_api.keys.TRUSTED_S", 0.3)
    async with client.stream("GET", "/live") as answer:
        events = Events(answer)
        await events.comment("heartbeat")
        await events.comment("heartbeat")
        database.connection.execute("UPDATE api_key SET revoked_at = now()")
        await events.end()
    assert services.live.streams == 0


async def test_streams_have_a_limit_and_give_their_place_back(client: httpx.AsyncClient, services: Services):
    services.live.max_streams = 1
    async with client.stream("GET", "/live") as answer:
        events = Events(answer)  # kept: the connection closes once its reader is freed
        await events.begin()
        refused = await client.get("/live")
        assert_problem(refused, 429, "too-many-streams")
        assert "retry-after" in refused.headers
    for _ in range(100):
        if services.live.streams == 0:
            break
        await asyncio.sleep(0.05)
    assert services.live.streams == 0


async def test_streams_end_when_the_process_drains(client: httpx.AsyncClient, services: Services):
    async with client.stream("GET", "/live") as answer:
        events = Events(answer)
        await events.begin()
        services.stopping.set()
        await events.end()
    assert services.live.streams == 0


async def test_a_stream_goes_on_with_the_newest_of_what_was_missed(
    client: httpx.AsyncClient, stream: StreamConnection, services: Services
):
    async with client.stream("GET", "/live", params={"device": "boiler"}) as answer:
        events = Events(answer)
        await events.begin()
        for seen in (1.0, "seen"):
            await publish_one(stream, 1 if seen == 1.0 else 4, seen)
            assert await events.values() == [seen]
    for value in (2.0, 3.0):
        await publish_one(stream, 1, value)
        await given_out(services, value)
    await publish_one(stream, 3, 4.0)
    await given_out(services, 4.0)
    missed = [3.0, 4.0]
    for resumed in ({"Last-Event-ID": events.last_id}, {}):
        async with client.stream(
            "GET", "/live", params={} if resumed else {"last_event_id": events.last_id}, headers=resumed
        ) as answer:
            again = Events(answer)
            assert await again.values() == missed
            await publish_one(stream, 1, 5.0)
            assert await again.values() == [5.0]
        missed = [4.0, 5.0]


async def test_whoever_was_away_for_too_long_is_told_to_query(
    client: httpx.AsyncClient, services: Services, stream: StreamConnection, monkeypatch: pytest.MonkeyPatch
):
    async with client.stream("GET", "/live") as answer:
        events = Events(answer)
        await events.begin()
        begun = events.last_id
        await publish_one(stream, 1, 1.0)
        assert await events.values() == [1.0]
    with monkeypatch.context() as later:
        later.setattr("sens.platform_api.live.epoch.RESUMABLE_S", 0.0)
        services.live.epoch.oldest()
    for unknown in (begun, "0123abcd-0", "0123abcd-", "nonsense", begun + "9" * 30):
        async with client.stream("GET", "/live", headers={"Last-Event-ID": unknown}) as answer:
            again = Events(answer)
            assert await again.next() == ("reset", {})
            assert again.last_id == events.last_id
            await publish_one(stream, 1, 2.0)
            assert await again.values() == [2.0]
            events.last_id = again.last_id


async def test_a_client_that_takes_nothing_gets_the_newest_later_and_keeps_no_other_waiting(
    client: httpx.AsyncClient, stream: StreamConnection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sens.platform_api.live.hub.WINDOW_S", 0.01)
    reader, writer = await take_nothing(client)
    async with client.stream("GET", "/live") as answer, asyncio.timeout(60):
        events = Events(answer)
        await events.begin()
        for n in range(SENT):
            await publish_one(stream, 4, f"{n} {LONG_TEXT}")
            await events.values()
    first = json.loads((await event_with_readings(reader)).removeprefix(b"data: "))
    assert first["readings"][0]["value"].startswith("0 ")
    taken = 1
    while b"%d x" % (SENT - 1) not in await event_with_readings(reader):
        taken += 1
    writer.close()
    assert taken < SENT // 2


SENT = 100
LONG_TEXT = "x" * 50_000
"""With `SENT` of them more than a connection holds for a client that takes nothing."""


async def take_nothing(client: httpx.AsyncClient) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A stream of which nothing is taken before it is read."""
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    wire.connect((client.base_url.host, client.base_url.port))
    reader, writer = await asyncio.open_connection(sock=wire, limit=2 * len(LONG_TEXT))
    writer.write(f"GET /api/v1/live HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEYS['read']}\r\n\r\n".encode())
    await reader.readuntil(b": listening\n")
    return reader, writer


async def event_with_readings(reader: asyncio.StreamReader) -> bytes:
    while not (line := await asyncio.wait_for(reader.readline(), 10)).startswith(b"data: "):
        pass
    return line


async def publish_one(stream: StreamConnection, series: int, value: float | str) -> None:
    await publish(stream, "plant-a", {"series": [series], "time": [MONDAY + next(_ticks)], "value": [value]})


_ticks = itertools.count()


async def given_out(services: Services, value: float | str) -> None:
    """Wait until the value has been given out."""
    async with asyncio.timeout(10):
        while not any(json.loads(each.json)["value"] == value for each in services.live.epoch._log.readings):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def insert_series(database: ReadingsDatabase, source: str, device: str, tenant: str = "home") -> int:
    """The series m0 of another device."""
    return database.one(
        "WITH owner AS (INSERT INTO tenant (name) VALUES (%s)"
        " ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id),"
        " origin AS (INSERT INTO source (tenant_id, name) SELECT id, %s FROM owner RETURNING id),"
        " sender AS (INSERT INTO device (source_id, name) SELECT id, %s FROM origin RETURNING id)"
        " INSERT INTO series (device_id, metric, kind) SELECT id, 'm0', 0 FROM sender RETURNING id",
        tenant,
        source,
        device,
    )


async def test_a_source_that_can_be_none_is_refused(client: httpx.AsyncClient):
    for source in ("*", "a.b", ">", ""):
        assert_problem(await client.get("/live", params={"source": source}), 422, "invalid-request")
