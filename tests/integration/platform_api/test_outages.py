"""With PostgreSQL or NATS away the API says so, and comes back by itself."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, suppress
from pathlib import Path
from unittest.mock import AsyncMock

import httpx
import psycopg
import pytest

from api import Api, assert_problem, make_seeded
from readings_database import ReadingsDatabase
from sens.platform_api.app import make_app
from sens.platform_api.live.events import live_events
from sens.platform_api.live.filter import LiveFilter
from sens.platform_api.services import Services
from sens.storage.errors import DatabaseBusy
from sens.storage.reads import Reader
from sens.stream.connection import StreamConnection, connect
from sens.stream.link import Address
from servers import Nats, Postgres, children

PATIENCE_S = 40.0
ALLOWED = AsyncMock(return_value=True)


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[Postgres]:
    server = Postgres(tmp_path / "postgres")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_nats(tmp_path: Path) -> Iterator[Nats]:
    server = Nats(tmp_path / "nats")
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def lonely(own_nats: Nats) -> AsyncIterator[StreamConnection]:
    """A connection that was never up: it is opened while the server is down."""
    own_nats.kill()
    stream = StreamConnection(Address.parse(own_nats.url), "test")
    opening = asyncio.create_task(stream.open(asyncio.Event()))
    yield stream
    opening.cancel()
    await asyncio.wait({opening})
    await stream.close()


def asking(services: Services) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(make_app(services), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://api")


async def until(answer: Callable[[], "asyncio.Future[httpx.Response]"], timeout_s: float = 30) -> httpx.Response:
    """Ask until the answer is 200."""
    give_up_at = time.monotonic() + timeout_s
    while True:
        got = await answer()
        if got.status_code == 200 or time.monotonic() > give_up_at:
            return got
        await asyncio.sleep(0.2)


async def test_without_postgresql_every_answer_is_503_until_it_is_back(
    own_postgres: Postgres, stream: StreamConnection, make_services, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sens.storage.reads.POOL_WAIT_S", 0.5)
    make_seeded(own_postgres.url())
    services = await make_services(own_postgres.url(), stream)
    async with asking(services) as client:
        api = Api(client)
        assert (await api.get("/devices")).status_code == 200
        own_postgres.kill()
        for path in ("/devices", "/series/1/readings", "/ledger", "/quarantine"):
            answer = await api.get(path)
            problem = assert_problem(answer, 503, "database-unavailable")
            assert answer.headers["retry-after"] == "2"
            assert "127.0.0.1" not in str(problem)
        own_postgres.start()
        assert (await until(lambda: asyncio.ensure_future(api.get("/devices")))).status_code == 200


async def test_a_postgresql_that_hangs_is_given_up_and_comes_back(
    own_postgres: Postgres, stream: StreamConnection, make_services, monkeypatch: pytest.MonkeyPatch
):
    """It keeps no time itself: what it was asked to end in time never ends."""
    for name in ("POOL_WAIT_S", "CHECK_TIMEOUT_S", "ANSWER_GRACE_S"):
        monkeypatch.setattr(f"sens.storage.reads.{name}", 0.5)
    make_seeded(own_postgres.url())
    services = await make_services(own_postgres.url(), stream, statement_timeout_s=0.5)
    async with asking(services) as client:
        api = Api(client)
        assert (await api.get("/devices")).status_code == 200
        family = [own_postgres.pid, *children(own_postgres.pid)]
        with pytest.raises(DatabaseBusy, match="within 1 s"):
            await asyncio.wait_for(ask_while_it_hangs(services.database, family), PATIENCE_S)
        async with asyncio.timeout(PATIENCE_S):
            asked = [asyncio.create_task(api.get("/ledger")) for _ in range(5)]
            for answer in [await api.get("/devices"), *[await each for each in asked]]:
                assert_problem(answer, 503, "database-unavailable")
        signal_all(family, signal.SIGCONT)
        assert (await until(lambda: asyncio.ensure_future(api.get("/devices")))).status_code == 200


async def ask_while_it_hangs(database: Reader, family: list[int]) -> None:
    async with database.connection() as connection:
        signal_all(family, signal.SIGSTOP)
        await connection.execute("SELECT 1")


def signal_all(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


async def test_without_nats_no_live_stream_is_opened(
    database: ReadingsDatabase, lonely: StreamConnection, make_services
):
    services = await make_services(database.url, lonely)
    async with asking(services) as client:
        assert_problem(await Api(client).get("/live"), 503, "stream-unavailable")
    assert services.live.streams == 0


async def test_live_streams_end_when_nats_is_lost_and_what_was_missed_is_told(
    database: ReadingsDatabase, own_nats: Nats, make_services
):
    stream = await connect(own_nats.url, name="test", stopping=asyncio.Event())
    services = await make_services(database.url, stream)
    events = live_events(services.live, LiveFilter(), None, ALLOWED)
    [here] = [line.removeprefix(b"id: ") for line in (await anext(events)).splitlines() if line.startswith(b"id: ")]
    own_nats.kill()
    async with asyncio.timeout(PATIENCE_S):
        assert [event async for event in events if b"heartbeat" not in event] == []
    assert services.live.streams == 0
    own_nats.start()
    async with (
        asyncio.timeout(PATIENCE_S),
        aclosing(live_events(services.live, LiveFilter(), here.decode(), ALLOWED)) as again,
    ):
        assert [b"listening" in await anext(again), b"event: reset" in await anext(again)] == [True, True]
    await stream.close()


async def test_without_nats_what_needs_none_is_answered(
    database: ReadingsDatabase, own_nats: Nats, lonely: StreamConnection, make_services
):
    services = await make_services(database.url, lonely)
    async with asking(services) as client:
        api = Api(client)
        assert (await api.get("/devices")).status_code == 200
        assert (await api.get("/overview")).json()["log"] is None
        sources = (await api.get("/sources")).json()["items"]
        assert {source["state"] for source in sources} == {"unknown"}
        for request in (api.get("/ledger"), api.request("POST", "/replay", json={"from": "now-1h"})):
            answer = await request
            assert_problem(answer, 503, "stream-unavailable")
            assert answer.headers["retry-after"] == "2"
        own_nats.start()
        assert (await until(lambda: asyncio.ensure_future(api.get("/ledger")))).status_code == 200
        assert {source["state"] for source in (await api.get("/sources")).json()["items"]} == {"silent"}


async def test_a_query_that_takes_too_long_is_a_problem(
    database: ReadingsDatabase, stream: StreamConnection, make_services
):
    services = await make_services(database.url, stream, statement_timeout_s=0.3)
    with psycopg.connect(database.url) as other:
        other.execute("LOCK TABLE device")
        async with asking(services) as client:
            answer = await Api(client).get("/devices")
    assert_problem(answer, 503, "query-too-long")
