"""The ledger lays the database beside the log, in the order that makes it exact."""

import asyncio
import secrets

import pytest

from api import Api, assert_problem
from batches import EPOCH_ID, MONDAY, Envelope, Message, batch_of
from readings_database import ReadingsDatabase
from sens.domain.envelope import Envelope as Packed
from sens.domain.envelope import EnvelopeKind, pack
from sens.domain.reasons import Reason
from sens.platform_api.services import Services
from sens.storage.connection import connect
from sens.storage.last_times import LastTimes
from sens.storage.write import ReadingWriter
from sens.stream.connection import StreamConnection
from sens.stream.consumer import RawConsumer
from sens.stream.errors import StreamAway
from sens.stream.raw import RawStream
from sens.stream.tails import LogObserver


def packed(total: int, messages: int) -> bytes:
    envelope = Packed(
        id=secrets.token_bytes(16),
        epoch=EPOCH_ID,
        kind=EnvelopeKind.RAW,
        mqtt_version=5,
        source="plant-a",
        session="exclusive",
        received_at=MONDAY,
        messages=messages,
        total=total,
        settled=0,
        previous=0,
        body=b"",
    )
    return pack(envelope)


async def test_every_message_and_reading_is_accounted_for(
    api: Api, services: Services, database: ReadingsDatabase, stream: StreamConnection, raw: RawStream
):
    """Five messages in the log, three of them in the database."""
    services.log = LogObserver(stream, raw.name)
    first = await raw.publish("sens.raw.plant-a.exclusive", packed(3, 3), expect_last=0)
    messages = [
        Message([(3, MONDAY, 1.0), (3, MONDAY, 1.0), (3, MONDAY + 1, 2.0)]),
        Message(ignored=True),
        Message(refused=(Reason.NO_ROUTE, "why")),
    ]
    writer = ReadingWriter(connect(database.writer_url, application_name="test", autocommit=True), LastTimes())
    writer.write(batch_of(Envelope(messages, sequence=first)))
    consumer = await RawConsumer.bind(stream, raw)
    await consumer.ack(await consumer.pull(10, 1_000_000, 1.0))
    await raw.publish("sens.raw.plant-a.exclusive", packed(5, 2), expect_last=first)

    expected = {
        "received": 5, "decoded": 1, "ignored": 1, "quarantined": 1, "pending": 2, "lost": 0,
        "readings": {"decoded": 3, "stored": 2, "duplicate": 1, "conflict": 0}, "balanced": True,
    }  # fmt: skip
    ledger = (await api.get("/ledger")).json()
    assert ledger == {"sources": [{"source": "plant-a", **expected}], "total": expected}


async def test_what_the_database_lost_shows(
    api: Api, services: Services, database: ReadingsDatabase, stream: StreamConnection, raw: RawStream
):
    services.log = LogObserver(stream, raw.name)
    await raw.publish("sens.raw.plant-a.exclusive", packed(3, 3), expect_last=0)
    consumer = await RawConsumer.bind(stream, raw)
    await consumer.ack(await consumer.pull(10, 1_000_000, 1.0))
    for _ in range(500):  # acknowledgements are not answered
        if await services.log.acknowledged():
            break
        await asyncio.sleep(0.01)
    total = (await api.get("/ledger")).json()["total"]
    assert (total["received"], total["lost"], total["pending"], total["balanced"]) == (3, 3, 0, False)


async def test_before_the_first_message_the_ledger_is_empty_and_balanced(api: Api):
    ledger = (await api.get("/ledger")).json()
    assert ledger["sources"] == []
    assert (ledger["total"]["received"], ledger["total"]["balanced"]) == (0, True)


async def test_many_who_ask_at_once_share_one_reading(api: Api, services: Services, monkeypatch: pytest.MonkeyPatch):
    """And its failure: with a server that hangs, nobody waits behind the others."""
    reads, reading, go_on = 0, asyncio.Event(), asyncio.Event()

    async def acknowledged() -> int | None:
        nonlocal reads
        reads += 1
        reading.set()
        await go_on.wait()
        raise StreamAway("NATS hangs")

    monkeypatch.setattr(services.log, "acknowledged", acknowledged)
    asked = [asyncio.create_task(api.get("/ledger")) for _ in range(5)]
    await reading.wait()
    await asyncio.sleep(0.2)
    go_on.set()
    for each in asked:
        assert_problem(await each, 503, "stream-unavailable")
    assert reads == 1
