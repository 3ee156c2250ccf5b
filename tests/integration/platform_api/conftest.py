"""The real application on real servers, with a seeded database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from api import CONFIG, NO_STREAM, QUICK_HASHER, Api, make_seeded
from database_roles import url_as
from databases import Templates
from readings_database import ReadingsDatabase
from replay_worker import ReplayWorker
from sens.decoders.registry import DECODERS
from sens.platform_api.app import make_app
from sens.platform_api.keys import Keyring
from sens.platform_api.live.hub import LiveHub
from sens.platform_api.names import SeriesNames
from sens.platform_api.passwords import Passwords
from sens.platform_api.services import Services
from sens.platform_api.sessions import SessionRing, SessionRules
from sens.runtime.heartbeat import Heartbeat
from sens.runtime.ops import Probes
from sens.runtime.readiness import Readiness
from sens.sources.parsing import load
from sens.storage.api_keys import ApiKey, find_api_key
from sens.storage.privileges import Role
from sens.storage.reads import Reader
from sens.stream.connection import StreamConnection, connect
from sens.stream.errors import StreamMissing
from sens.stream.imports import ImportLog
from sens.stream.raw import RawStream, RawStreamSettings
from sens.stream.replay import REPLAY_SUBJECT
from sens.stream.status import StatusBoard
from sens.stream.streamlog import call
from sens.stream.tails import LogObserver
from servers import Nats


@pytest.fixture
def database(templates: Templates) -> Iterator[ReadingsDatabase]:
    with templates.copy(make_seeded) as url, closing(ReadingsDatabase(url)) as database:
        # The template may be minutes old.
        database.connection.execute("UPDATE series_latest SET time = now() WHERE text IS NOT NULL")
        yield database


@pytest.fixture
async def stream(nats_server: Nats) -> AsyncIterator[StreamConnection]:
    stream = await connect(nats_server.url, name="test", stopping=asyncio.Event())
    yield stream
    await stream.close()


@pytest.fixture
async def raw(stream: StreamConnection) -> AsyncIterator[RawStream]:
    """The stream of the product's name, as subjects can be in one stream only."""
    with suppress(StreamMissing):
        await call(stream, "STREAM.DELETE.SENS_RAW", {}, dict)
    raw = await RawStream.ensure(stream, RawStreamSettings(16 * 1024 * 1024))
    yield raw
    await call(stream, f"STREAM.DELETE.{raw.name}", {}, dict)


MakeServices = Callable[..., Awaitable[Services]]


@pytest.fixture
async def make_services(tmp_path: Path) -> AsyncIterator[MakeServices]:
    """Services on the given servers, as the reader at the database, whose pools are closed after the test."""
    readers: list[Reader] = []
    made: list[tuple[Services, asyncio.Task[None]]] = []

    async def make(url: str, stream: StreamConnection, *, statement_timeout_s: float = 10.0) -> Services:
        (tmp_path / "sens.yaml").write_text(CONFIG)
        reader = await Reader(url_as(Role.READER, url), size=4, statement_timeout_s=statement_timeout_s).__aenter__()
        readers.append(reader)

        async def find(prefix: str) -> ApiKey | None:
            async with reader.connection() as connection:
                return await find_api_key(connection, prefix)

        names = SeriesNames(reader)
        services = Services(
            database=reader,
            stream=stream,
            log=LogObserver(stream, NO_STREAM),
            imports=ImportLog(stream, NO_STREAM),
            board=StatusBoard(stream, bucket="SENS_TEST_STATUS"),
            keyring=Keyring(find),
            sessions=SessionRing(reader, SessionRules()),
            names=names,
            live=LiveHub(stream, names),
            passwords=Passwords(QUICK_HASHER),
            configuration=load(tmp_path / "sens.yaml", DECODERS),
            probes=Probes("platform-api", Heartbeat(), Readiness()),
            stopping=asyncio.Event(),
        )
        made.append((services, asyncio.create_task(services.live.run(services.stopping))))
        return services

    yield make
    for services, hearing in made:
        services.stopping.set()
        await hearing
    for reader in readers:
        await reader.__aexit__()


@pytest.fixture
async def services(database: ReadingsDatabase, stream: StreamConnection, make_services: MakeServices) -> Services:
    return await make_services(database.url, stream)


@pytest.fixture
async def api(services: Services) -> AsyncIterator[Api]:
    transport = httpx.ASGITransport(make_app(services), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield Api(client)


@pytest.fixture
async def worker(stream: StreamConnection) -> AsyncIterator[ReplayWorker]:
    worker = ReplayWorker(stream)
    subscription = await stream.subscribe(REPLAY_SUBJECT, worker.on_message)
    yield worker
    await subscription.close()
