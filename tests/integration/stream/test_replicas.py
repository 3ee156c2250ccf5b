"""Copies in a cluster of three servers: of what is made, of what is there, and what the loss of a server does."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sens.stream.bucket import Bucket
from sens.stream.connection import StreamConnection, connect
from sens.stream.errors import StreamAway, StreamRefused
from sens.stream.raw import RawStream, RawStreamSettings
from sens.stream.replicas import bring_replicas_in_line
from sens.stream.streamlog import StreamLog
from servers import Nats, free_port

SETTINGS = RawStreamSettings(max_bytes=16 * 1024 * 1024)
PATIENCE_S = 30.0


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[list[Nats]]:
    ports = [free_port() for _ in range(3)]
    servers = [Nats(tmp_path / f"{port}", cluster=(port, ports)) for port in ports]
    for server in servers:
        server.start()
    yield servers
    for server in servers:
        server.kill()


async def connected(cluster: list[Nats], replicas: int | None) -> StreamConnection:
    urls = ",".join(server.url for server in cluster)
    return await connect(urls, name="test", stopping=asyncio.Event(), replicas=replicas)


async def eventually(
    attempt, what: type[BaseException] | tuple[type[BaseException], ...] = (StreamAway, StreamRefused)
):
    """A cluster refuses for some seconds: while it elects its leaders, and after it lost one."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await attempt()
            except what:
                await asyncio.sleep(0.2)


async def copies(connection: StreamConnection, name: str) -> int:
    return (await StreamLog(connection, name).info()).config["num_replicas"]


async def test_what_is_made_has_its_copies_and_survives_the_loss_of_a_server(cluster: list[Nats]) -> None:
    connection = await connected(cluster, replicas=3)
    raw = await eventually(lambda: RawStream.ensure(connection, SETTINGS))
    bucket = Bucket(connection, "SENS_LEASES")
    await eventually(lambda: bucket.put("a", b"1"))
    assert await copies(connection, raw.name) == await copies(connection, "KV_SENS_LEASES") == 3
    cluster[0].kill()
    assert await eventually(lambda: bucket.put("a", b"2")) == 2
    assert (await eventually(raw.refresh)) == raw.epoch
    await connection.close()


async def test_what_is_there_is_brought_in_line_without_losing_anything(cluster: list[Nats]) -> None:
    before = await connected(cluster, replicas=None)
    raw = await eventually(lambda: RawStream.ensure(before, SETTINGS))
    bucket = Bucket(before, "SENS_LEASES")
    await eventually(lambda: bucket.put("a", b"1"))
    assert await copies(before, raw.name) == await copies(before, "KV_SENS_LEASES") == 1
    await before.close()

    after = await connected(cluster, replicas=3)
    again = await eventually(lambda: RawStream.ensure(after, SETTINGS))
    await eventually(lambda: bring_replicas_in_line(after))
    assert again.epoch == raw.epoch
    assert await copies(after, raw.name) == await copies(after, "KV_SENS_LEASES") == 3
    entry = await eventually(lambda: Bucket(after, "SENS_LEASES").get("a"))
    assert entry is not None
    assert entry.value == b"1"
    await after.close()


async def test_without_a_number_everything_stays_as_it_is(cluster: list[Nats]) -> None:
    three = await connected(cluster, replicas=3)
    raw = await eventually(lambda: RawStream.ensure(three, SETTINGS))
    await three.close()
    untold = await connected(cluster, replicas=None)
    await eventually(lambda: RawStream.ensure(untold, SETTINGS))
    await bring_replicas_in_line(untold)
    assert await copies(untold, raw.name) == 3
    await untold.close()
