"""A connection, and streams that are empty when the test starts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from sens.stream.connection import StreamConnection, connect
from sens.stream.errors import StreamMissing
from sens.stream.raw import RawStream, RawStreamSettings
from sens.stream.streamlog import call
from servers import Nats

SETTINGS = RawStreamSettings(max_bytes=64 * 1024 * 1024)
Connect = Callable[[Nats], Awaitable[StreamConnection]]


@pytest.fixture
async def connect_to() -> AsyncIterator[Connect]:
    """Opens connections that are closed after the test."""
    opened: list[StreamConnection] = []

    async def open_one(server: Nats) -> StreamConnection:
        opened.append(await connect(server.url, name="test", stopping=asyncio.Event()))
        return opened[-1]

    yield open_one
    for connection in opened:
        await connection.close()


async def remove_streams(connection: StreamConnection) -> None:
    for name in ("SENS_RAW", "KV_SENS_LEASES", "KV_SENS_STATUS"):
        try:
            await call(connection, f"STREAM.DELETE.{name}", {}, dict)
        except StreamMissing:
            continue


@pytest.fixture
async def connection(nats_server: Nats, connect_to: Connect) -> StreamConnection:
    connection = await connect_to(nats_server)
    await remove_streams(connection)
    return connection


@pytest.fixture
async def raw(connection: StreamConnection) -> RawStream:
    return await RawStream.ensure(connection, SETTINGS)


@pytest.fixture
def own_nats(tmp_path: Path) -> Iterator[Nats]:
    """A server that the test may kill."""
    server = Nats(tmp_path / "nats")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Waits until a condition holds, 15 s at most."""

    async def wait(condition: Callable[[], bool]) -> None:
        for _ in range(1500):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise TimeoutError

    return wait
