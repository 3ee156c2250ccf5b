"""One source's intake between a broker's connection and the log, the connection played by the test."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from typing import Any, cast

import pytest

from envelopes import publish
from integration.mqtt_ingestion_worker.lives import until
from sens.mqtt.receiver import Connection
from sens.mqtt.scanner import Publishes
from sens.mqtt_ingestion_worker.intake import Intake
from sens.mqtt_ingestion_worker.subject_log import SubjectLog
from sens.runtime.catalogue import Section
from sens.stream.connection import connect
from sens.stream.raw import RawStream, RawStreamSettings
from servers import Nats

MAX_ENVELOPE_BYTES = 4096


class Played:
    """What the intake asks of a connection."""

    def __init__(self) -> None:
        self.acknowledged: list[int] = []
        self.reading = True

    def acknowledge(self, qos1: Sequence[int], qos2: Sequence[int]) -> None:
        self.acknowledged += [*qos1, *qos2]

    def ping(self) -> None:
        pass

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


def piece(*numbers: int, dup: bool = False, pad: int = 0) -> Publishes:
    """Message n has packet id n."""
    packets = [publish("t", b"%d" % n + b" " * pad, packet_id=n) for n in numbers]
    if dup:
        packets = [bytes([packet[0] | 8]) + packet[1:] for packet in packets]
    return Publishes(b"".join(packets), len(packets), list(numbers), [], len(packets) if dup else 0)


def metric(name: str, source: str) -> float:
    return Section.INGESTION.registry.get_sample_value(name, {"source": source}) or 0.0


@pytest.fixture
async def stream(nats_server: Nats) -> AsyncIterator[RawStream]:
    connection = await connect(nats_server.url, name="test", stopping=asyncio.Event())
    yield await RawStream.ensure(connection, RawStreamSettings(64 * 1024 * 1024))
    await connection.close()


@pytest.fixture
async def intake(stream: RawStream) -> Intake:
    log = SubjectLog(stream, f"s{secrets.token_hex(4)}", "exclusive")
    await log.claim(4)
    made = Intake(log, 4, MAX_ENVELOPE_BYTES, redelivery_wait_s=60)
    await made.expect_redeliveries()
    return made


@pytest.fixture
def connection(intake: Intake) -> Played:
    played = Played()
    intake.attach(cast("Connection", played))
    intake.settled()
    return played


@contextlib.asynccontextmanager
async def working(work: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_a_broker_sends_again_on_a_live_connection_is_logged_once(
    intake: Intake, connection: Played
) -> None:
    intake.received(piece(1, 2, 3))
    intake.received(piece(2, 3, dup=True))
    async with working(intake.pump()):
        await intake.drained()
        assert sorted(connection.acknowledged) == [1, 2, 3]
        intake.received(piece(1, dup=True))
        assert sorted(connection.acknowledged) == [1, 1, 2, 3], "it crossed its acknowledgement"
        intake.received(piece(4, dup=True))
        await intake.drained()
    assert intake.log.tail.total == 4
    assert sorted(connection.acknowledged) == [1, 1, 2, 3, 4]


async def test_what_came_on_an_earlier_connection_is_known_on_each_later_one(
    intake: Intake, connection: Played
) -> None:
    async with working(intake.pump()):
        intake.received(piece(1, 2))
        await intake.drained()
        for _ in range(2):
            intake.closed(None)
            await intake.expect_redeliveries()
            assert intake.remembered == 2
            again = Played()
            intake.attach(cast("Connection", again))
            intake.settled()
            intake.received(piece(1, 2, dup=True))
            assert again.acknowledged == [1, 2]
    assert intake.log.tail.total == 2


async def test_pressure_shows_in_the_metrics_while_it_lasts(intake: Intake, connection: Played) -> None:
    source = intake.log.source
    intake.received(piece(1, pad=MAX_ENVELOPE_BYTES))
    assert metric("sens_ingestion_pending_messages", source) == 1
    assert metric("sens_ingestion_pending_bytes", source) > MAX_ENVELOPE_BYTES
    assert not connection.reading
    async with working(intake.settle(0.01)):
        await until(lambda: metric("sens_ingestion_reading_paused_seconds_total", source) > 0)
    assert not connection.reading
    async with working(intake.pump()):
        await intake.drained()
    assert connection.reading
    assert metric("sens_ingestion_pending_messages", source) == 0
    assert metric("sens_ingestion_pending_bytes", source) == 0
