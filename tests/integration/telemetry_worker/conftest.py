"""A log with envelopes, a migrated database, and a leader's maintenance or workers between them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import cast

import pytest
from pydantic import SecretStr

from database_roles import url_as
from raw_log import Log
from readings_database import ReadingsDatabase
from sens.decoders.registry import DECODERS
from sens.sources import parse
from sens.sources.models import Configuration
from sens.storage.privileges import Role
from sens.stream.connection import StreamConnection, connect
from sens.stream.consumer import RawConsumer
from sens.stream.errors import StreamMissing
from sens.stream.raw import RawStream, RawStreamSettings
from sens.stream.streamlog import call
from sens.telemetry_worker.maintenance import Maintenance
from sens.telemetry_worker.replaying import Replayer
from sens.telemetry_worker.settings import TelemetrySettings
from servers import Nats
from telemetry import House

MAX_BYTES = 64 * 1024 * 1024


@pytest.fixture
def database(database_url: str) -> Iterator[ReadingsDatabase]:
    database = ReadingsDatabase(database_url)
    yield database
    database.close()


@pytest.fixture
async def connection(nats_server: Nats) -> AsyncIterator[StreamConnection]:
    made = await connect(nats_server.url, name="test", stopping=asyncio.Event())
    with suppress(StreamMissing):
        await call(made, "STREAM.DELETE.SENS_RAW", {}, dict)
    yield made
    await made.close()


@pytest.fixture
async def raw(connection: StreamConnection) -> RawStream:
    return await RawStream.ensure(connection, RawStreamSettings(MAX_BYTES))


@pytest.fixture
async def log(raw: RawStream) -> Log:
    return Log(raw, await RawConsumer.bind(raw.connection, raw))


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    house = House(database_url)
    yield house
    house.close()


class NoReplays:
    """In place of what answers requests for replays."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...


CONFIGURATION = """
sources: [{name: plant-a, broker: "mqtt://127.0.0.1", topics: [{topic: "{device}/#", decoder: json}]}]
"""


@pytest.fixture
def configuration() -> Configuration:
    return parse(CONFIGURATION, name="sens.yaml", decoders=DECODERS)


@pytest.fixture
def maintenance(log: Log, database_url: str, configuration: Configuration) -> Maintenance:
    """Not run: a test calls its chores over the database's `leader`."""
    url = SecretStr(url_as(Role.WRITER, database_url))
    settings = TelemetrySettings(database_url=url, maintenance_every_s=0.05, rollup_lag_s=1.0)
    replayer = cast(Replayer, NoReplays())
    return Maintenance(settings, configuration, log.stream, log.consumer, replayer, asyncio.Event())
