"""Copies in a cluster of three servers: of what is made, of what is there, and what the loss of a server does."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Any

import httpx
import pytest

from command_line import Sens
from sens.stream.bucket import Bucket
from sens.stream.connection import StreamConnection, connect
from sens.stream.errors import StreamAway, StreamRefused
from sens.stream.raw import RawStream, RawStreamSettings
from sens.stream.replicas import bring_replicas_in_line
from sens.stream.streamlog import StreamLog
from servers import Nats, free_port, wait_until

CONFIGURATION = "sources: [{name: s, broker: 'mqtt://127.0.0.1:9', topics: [{topic: 'a/{device}', decoder: json}]}]\n"
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


@pytest.mark.parametrize("deployable", ["mqtt-ingestion-worker", "telemetry-worker"])
async def test_a_worker_that_starts_while_most_servers_are_gone_works_when_they_are_back(
    cluster: list[Nats], tmp_path: Path, deployable: str
) -> None:
    connection = await connected(cluster, replicas=3)
    await eventually(lambda: RawStream.ensure(connection, SETTINGS))
    await connection.close()
    for server in cluster[1:]:
        server.kill()
    (tmp_path / "sens.yaml").write_text(CONFIGURATION)
    ops_port = free_port()
    given = {"SENS_NATS_URL": cluster[0].url, "SENS_NATS_REPLICAS": "3", "SENS_OPS_PORT": f"{ops_port}"}
    with Sens(tmp_path).start(deployable, **given) as process:
        try:
            assert process.stderr is not None
            said = await asyncio.to_thread(_line_with, process.stderr, b"will_try_again")
            assert b"open the log" in said
            assert _readiness(ops_port)["status"] == "starting"
            for server in cluster[1:]:
                server.start()
            await asyncio.to_thread(wait_until, lambda: "nats" in _readiness(ops_port)["checks"], what="it to work")
            assert _readiness(ops_port)["checks"]["nats"]["ok"]
            assert process.poll() is None
        finally:
            process.terminate()
            process.communicate(timeout=30)


def _line_with(output: IO[bytes], words: bytes) -> bytes:
    """The first line with these words; empty: the process ended."""
    return next((line for line in output if words in line), b"")


def _readiness(port: int) -> Any:
    """What a process says of itself."""
    return httpx.get(f"http://127.0.0.1:{port}/readyz").json()
