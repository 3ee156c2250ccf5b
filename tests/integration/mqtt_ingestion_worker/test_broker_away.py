"""A source whose broker misbehaves is not hammered, and one whose broker is silent stops when asked."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from itertools import repeat
from typing import cast

import pytest

from integration.mqtt_ingestion_worker.lives import until
from integration.mqtt_ingestion_worker.running import declared
from sens.decoders.registry import DECODERS
from sens.mqtt.receiver import ConnectOptions
from sens.mqtt_ingestion_worker.settings import IngestionSettings
from sens.mqtt_ingestion_worker.source import Servers, SourceWorker
from sens.runtime.backoff import Backoff
from sens.runtime.catalogue import Section
from sens.sources.parsing import parse
from sens.stream.connection import connect
from sens.stream.raw import RawStream, RawStreamSettings
from sens.stream.status import StatusBoard
from servers import Nats, free_port

CONNACK = b"\x20\x03\x00\x00\x00"
MESSAGE = b"\x32\x08\x00\x03t/d\x00\x01\x00"
PUBACK = b"\x40\x02\x00\x01"
MALFORMED = b"\x00\x00"

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def broker(talk: Talk) -> AsyncGenerator[int]:
    """A broker that says what the test wants; yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await talk(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Delays:
    """In place of a `Backoff`: short, and it counts how often they began anew."""

    def __init__(self, cap_s: float) -> None:
        self.cap_s = cap_s
        self.begun = 0

    def __iter__(self) -> Iterator[float]:
        self.begun += 1
        return repeat(0.001)


@pytest.fixture
async def servers(nats_server: Nats) -> AsyncIterator[Servers]:
    connection = await connect(nats_server.url, name="test", stopping=asyncio.Event())
    stream = await RawStream.ensure(connection, RawStreamSettings(64 * 1024 * 1024))
    yield Servers(connection, stream, StatusBoard(connection))
    await connection.close()


@contextlib.asynccontextmanager
async def running(servers: Servers, port: int, delays: Delays) -> AsyncGenerator[asyncio.Event]:
    """A source at that broker; yields what stops it."""
    text = f"""
sources:
  - name: s{secrets.token_hex(4)}
    broker: mqtt://127.0.0.1:{port}
    topics: [{{topic: 't/{{device}}', decoder: json}}]
"""
    source = parse(text, name="test", decoders=DECODERS).sources[0]
    stopping = asyncio.Event()
    settings = IngestionSettings.model_validate({"instance": "worker-0"})
    worker = SourceWorker(source, servers, settings, stopping, cast("Backoff", delays))
    task = asyncio.create_task(worker.run())
    try:
        yield stopping
        await task
    finally:
        task.cancel()


async def test_a_broker_that_fails_after_each_message_is_left_alone_for_longer_each_time(servers: Servers) -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read(4096)
        writer.write(CONNACK + MESSAGE)
        await reader.readuntil(PUBACK)
        writer.write(MALFORMED)
        await reader.read()

    delays = Delays(cap_s=60)
    async with broker(talk) as port, running(servers, port, delays) as stopping:
        await until(lambda: connections >= 4)
        stopping.set()
    assert delays.begun == 1


async def test_after_a_long_connection_the_next_fault_is_a_new_one(servers: Servers) -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read(4096)
        writer.write(CONNACK)
        await asyncio.sleep(0.1)
        writer.write(MALFORMED)

    delays = Delays(cap_s=0.05)
    async with broker(talk) as port, running(servers, port, delays) as stopping:
        await until(lambda: connections >= 4)
        stopping.set()
    assert delays.begun >= 4, "at the start, and after each connection"


async def test_a_source_that_waits_for_a_silent_broker_stops_at_once(servers: Servers) -> None:
    accepted = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        accepted.set()
        await reader.read()

    within_s = ConnectOptions(client_id="x").connect_timeout_s / 2
    async with (
        broker(talk) as port,
        asyncio.timeout(within_s),
        running(servers, port, Delays(cap_s=60)) as stopping,
    ):
        await accepted.wait()
        stopping.set()


async def test_a_source_whose_broker_never_answered_shows_as_one_that_is_not_connected(servers: Servers) -> None:
    def shown(metric: str) -> float | None:
        return Section.INGESTION.registry.get_sample_value(metric, {"source": source.name})

    source = declared(free_port())
    settings = IngestionSettings.model_validate({"instance": "worker-0"})
    SourceWorker(source, servers, settings, asyncio.Event())
    # Counters begin at 0 as well: the first session that is lost must be a step.
    names = ("connected", "owned", "sessions_lost_total", "stream_full_total", "messages_received_total")
    assert [shown(f"sens_ingestion_{name}") for name in names] == [0] * len(names)
    shared = declared(free_port(), "mode: shared\nmqtt_version: '5'")
    SourceWorker(shared, servers, settings, asyncio.Event())
    assert Section.INGESTION.registry.get_sample_value("sens_ingestion_owned", {"source": shared.name}) is None
