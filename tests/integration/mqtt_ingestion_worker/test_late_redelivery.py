"""nats-server delivers again when its `ack_wait` is over, long after it answered the first pings of a connection."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from integration.mqtt.recorder import publish
from integration.mqtt_ingestion_worker.lives import life, payloads, until
from sens.stream.connection import connect
from sens.stream.raw import RawStream, RawStreamSettings
from servers import Nats


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    made = Nats(Path(tmp_path_factory.mktemp("nats")), mqtt=True, ack_wait_s=2)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def port(server: Nats) -> int:
    assert server.mqtt_port is not None
    return server.mqtt_port


@pytest.fixture
async def stream(server: Nats) -> AsyncIterator[RawStream]:
    connection = await connect(server.url, name="test", stopping=asyncio.Event())
    yield await RawStream.ensure(connection, RawStreamSettings(64 * 1024 * 1024))
    await connection.close()


@pytest.fixture
def source() -> str:
    return f"s{secrets.token_hex(4)}"


async def send(port: int, source: str, numbers: Sequence[int]) -> None:
    await asyncio.to_thread(publish, port, [(f"{source}/d", b"%d" % n, 1) for n in numbers])


async def test_what_is_delivered_again_late_is_stored_once_over_several_lives(
    stream: RawStream, port: int, source: str
) -> None:
    async with life(stream, source, port) as first:
        await first.connect(lose_acknowledgements=True)
        await send(port, source, range(5))
        await first.logged(5)
    async with life(stream, source, port) as second:
        await second.connect()
        for number in range(5, 9):
            await send(port, source, [number])
            await second.logged(number + 1)
            await second.read(number + 1)
        lost = set(first.acknowledged)
    async with life(stream, source, port) as third:
        await third.connect()
        await until(lambda: lost <= {*second.acknowledged, *third.acknowledged})
    assert await payloads(stream, source) == {b"%d" % n: 1 for n in range(9)}


async def test_what_is_delivered_again_late_is_stored_once_over_several_connections(
    stream: RawStream, port: int, source: str
) -> None:
    async with life(stream, source, port) as worker:
        connection = await worker.connect(lose_acknowledgements=True)
        await send(port, source, range(5))
        await worker.logged(5)
        await connection.disconnect()
        lost = set(worker.acknowledged)
        worker.acknowledged.clear()
        connection = await worker.connect()
        await send(port, source, [5])
        await worker.logged(6)
        await worker.read(6)
        await connection.disconnect()
        await worker.connect()
        await until(lambda: lost <= set(worker.acknowledged))
    assert await payloads(stream, source) == {b"%d" % n: 1 for n in range(6)}


async def test_after_the_redelivery_wait_all_is_settled_and_nothing_is_remembered(
    stream: RawStream, port: int, source: str
) -> None:
    async with life(stream, source, port) as first:
        await first.connect(lose_acknowledgements=True)
        await send(port, source, range(5))
        await first.logged(5)
    async with life(stream, source, port, redelivery_wait_s=4.0) as second:
        await second.connect()
        assert second.intake.remembered == 5
        await until(lambda: second.intake.settlement.settled == 5)
        assert second.intake.remembered == 0
        assert len(second.acknowledged) >= 5
        await send(port, source, [5])
        await until(lambda: second.intake.settlement.settled == 6)
