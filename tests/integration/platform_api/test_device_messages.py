"""The last messages of a device, found in the log by a search with an end."""

import base64
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from api import Api, assert_problem
from batches import EPOCH_ID
from envelopes import publish
from readings_database import ReadingsDatabase, at
from sens.domain.envelope import Envelope, EnvelopeKind, pack, subject
from sens.platform_api import device_messages
from sens.platform_api.services import Services
from sens.stream.connection import StreamConnection
from sens.stream.errors import StreamMissing
from sens.stream.raw import RawStream, RawStreamSettings
from sens.stream.streamlog import call
from sens.stream.tails import LogObserver


class Log:
    """The log, to put envelopes of `plant-a` into."""

    def __init__(self, raw: RawStream) -> None:
        self.raw = raw
        self._last: dict[str, int] = {}

    async def put(self, *packets: bytes, source: str = "plant-a") -> None:
        envelope = Envelope(
            id=secrets.token_bytes(16),
            epoch=EPOCH_ID,
            kind=EnvelopeKind.RAW,
            mqtt_version=4,
            source=source,
            session="exclusive",
            received_at=time.time_ns() // 1000,
            messages=len(packets),
            total=len(packets),
            settled=0,
            previous=0,
            body=b"".join(packets),
        )
        where = subject(source, "exclusive")
        self._last[where] = await self.raw.publish(where, pack(envelope), expect_last=self._last.get(where, 0))


@pytest.fixture
async def log(stream: StreamConnection, services: Services) -> AsyncIterator[Log]:
    with suppress(StreamMissing):
        await call(stream, "STREAM.DELETE.SENS_RAW", {}, dict)
    raw = await RawStream.ensure(stream, RawStreamSettings(64 * 1024 * 1024))
    services.log = LogObserver(stream, raw.name)
    yield Log(raw)
    await call(stream, f"STREAM.DELETE.{raw.name}", {}, dict)


def sent(value: object, device: str = "boiler") -> bytes:
    return publish(f"sens/{device}/telemetry", b'{"t": %s}' % str(value).encode())


async def asked(api: Api, **parameters: Any) -> dict[str, Any]:
    answer = await api.get("/devices/1/messages", **parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def texts(found: dict[str, Any]) -> list[str]:
    return [base64.b64decode(each["payload_base64"]).decode() for each in found["items"]]


async def test_each_message_comes_with_what_became_of_it(api: Api, log: Log):
    await log.put(sent(1), sent(2, "other"), sent("oops"))
    await log.put(sent(3, "other"), source="plant-z")
    await log.put(sent(4))
    found = await asked(api)
    assert texts(found) == ['{"t": 4}', '{"t": oops}', '{"t": 1}']
    assert found["all_searched"]
    newest, broken, _ = found["items"]
    assert (newest["topic"], newest["payload_bytes"], newest["retained"]) == ("sens/boiler/telemetry", 8, False)
    assert [(each["metric"], each["value"]) for each in newest["result"]["readings"]] == [("t", 4.0)]
    assert (broken["result"]["outcome"], broken["result"]["reason"]) == ("quarantined", "invalid_syntax")
    assert texts(await asked(api, limit=2)) == ['{"t": 4}', '{"t": oops}']


async def test_a_search_has_an_end(api: Api, log: Log, database: ReadingsDatabase, monkeypatch: pytest.MonkeyPatch):
    database.connection.execute("DELETE FROM series_latest")
    monkeypatch.setattr(device_messages, "MAX_ROUNDS", 2)
    monkeypatch.setattr(device_messages, "FIRST_WINDOW", 4)
    await log.put(sent(1))
    for n in range(20):
        await log.put(sent(n, "other"))
    found = await asked(api)
    assert (found["items"], found["all_searched"]) == ([], False)
    assert found["searched_from"] is not None


async def test_what_was_purged_is_not_looked_for(api: Api, log: Log, database: ReadingsDatabase):
    database.connection.execute("DELETE FROM series_latest")
    await log.put(sent(1))
    for n in range(20):
        await log.put(sent(n, "other"))
    await log.raw.purge(subject("plant-a", "exclusive"), 15)
    found = await asked(api)
    assert (found["items"], found["all_searched"]) == ([], True)


async def test_a_device_that_fell_silent_is_looked_for_when_it_was_last_seen(
    api: Api, log: Log, database: ReadingsDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(device_messages, "MAX_ROUNDS", 2)
    monkeypatch.setattr(device_messages, "FIRST_WINDOW", 4)
    database.connection.execute("UPDATE series_latest SET time = %s", (at(time.time_ns() // 1000),))
    await log.put(sent(1))
    for n in range(20):
        await log.put(sent(n, "other"))
    assert texts(await asked(api)) == ['{"t": 1}']


async def test_large_envelopes_are_all_looked_through(api: Api, log: Log):
    large = publish("sens/other/telemetry", b"x" * 900_000)
    for n in range(12):
        await log.put(sent(n), large)
    assert texts(await asked(api)) == [f'{{"t": {n}}}' for n in reversed(range(12))]


async def test_without_a_log_there_are_none(api: Api):
    found = await asked(api)
    assert (found["items"], found["searched_from"], found["all_searched"]) == ([], None, True)
    assert_problem(await api.get("/devices/4711/messages"), 404, "not-found")
