"""The last messages of a device, found in the log by a search with an end."""

import base64
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from api import CONFIG, Api, assert_problem
from batches import EPOCH_ID
from envelopes import publish
from readings_database import MINUTE, MONDAY, ReadingsDatabase, at
from sens.decoders.registry import DECODERS
from sens.domain.envelope import Envelope, EnvelopeKind, pack, subject
from sens.platform_api import device_messages
from sens.platform_api.services import Services
from sens.sources.models import Retention
from sens.sources.parsing import load
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
        self._total = Counter[str]()

    async def put(self, *packets: bytes, source: str = "plant-a", session: str = "exclusive") -> bytes:
        """The envelope's id."""
        where, id_ = subject(source, session), secrets.token_bytes(16)
        self._total[where] += len(packets)
        envelope = Envelope(
            id=id_,
            epoch=EPOCH_ID,
            kind=EnvelopeKind.RAW,
            mqtt_version=4,
            source=source,
            session=session,
            received_at=time.time_ns() // 1000,
            messages=len(packets),
            total=self._total[where],
            settled=0,
            previous=0,
            body=b"".join(packets),
        )
        self._last[where] = await self.raw.publish(where, pack(envelope), expect_last=self._last.get(where, 0))
        return id_


@pytest.fixture
async def log(stream: StreamConnection, services: Services, database: ReadingsDatabase) -> AsyncIterator[Log]:
    """Of a platform whose devices are no older than the log."""
    with suppress(StreamMissing):
        await call(stream, "STREAM.DELETE.SENS_RAW", {}, dict)
    raw = await RawStream.ensure(stream, RawStreamSettings(64 * 1024 * 1024))
    database.connection.execute("UPDATE device SET created_at = now() + interval '1 minute'")
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
    assert found["older"] == "none"
    newest, broken, _ = found["items"]
    assert (newest["topic"], newest["payload_bytes"], newest["retained"]) == ("sens/boiler/telemetry", 8, False)
    assert [(each["metric"], each["value"]) for each in newest["result"]["readings"]] == [("t", 4.0)]
    assert (broken["result"]["outcome"], broken["result"]["reason"]) == ("quarantined", "invalid_syntax")
    short = await asked(api, limit=2)
    assert (texts(short), short["older"]) == (['{"t": 4}', '{"t": oops}'], "not_searched")


async def test_a_search_has_an_end(api: Api, log: Log, database: ReadingsDatabase, monkeypatch: pytest.MonkeyPatch):
    database.connection.execute("DELETE FROM series_latest")
    monkeypatch.setattr(device_messages, "MAX_ROUNDS", 2)
    monkeypatch.setattr(device_messages, "FIRST_WINDOW", 4)
    await log.put(sent(1))
    for n in range(20):
        await log.put(sent(n, "other"))
    found = await asked(api)
    assert (found["items"], found["older"]) == ([], "not_searched")
    assert found["searched_from"] is not None


async def test_what_was_purged_is_not_looked_for(api: Api, log: Log, database: ReadingsDatabase):
    database.connection.execute("DELETE FROM series_latest")
    await log.put(sent(1))
    for n in range(20):
        await log.put(sent(n, "other"))
    await log.raw.purge(subject("plant-a", "exclusive"), 15)
    found = await asked(api)
    assert (found["items"], found["older"]) == ([], "purged")


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


async def test_a_window_of_large_envelopes_is_searched_in_smaller_ones(
    api: Api, log: Log, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(device_messages, "MAX_SEARCHED_BYTES", 3_000_000)
    large = publish("sens/other/telemetry", b"x" * 900_000)
    for n in range(12):
        await log.put(sent(n), large)
    found = await asked(api)
    assert (texts(found), found["older"]) == ([f'{{"t": {n}}}' for n in (11, 10, 9, 8)], "not_searched")


async def test_without_a_log_there_are_none(api: Api):
    found = await asked(api)
    assert (found["items"], found["searched_from"], found["older"]) == ([], None, "purged")
    assert_problem(await api.get("/devices/4711/messages"), 404, "not-found")


async def test_messages_before_the_logs_first_were_purged_where_the_device_is_older(
    api: Api, log: Log, database: ReadingsDatabase
):
    await log.put(sent(1))
    database.connection.execute("UPDATE device SET created_at = now() - interval '1 day'")
    found = await asked(api)
    assert (texts(found), found["older"]) == (['{"t": 1}'], "purged")


class TestOfImports:
    SESSION = "import-" + "0" * 32

    def row(self, **changes: Any) -> bytes:
        reading = {"device": "boiler", "metric": "m0", "time": time.time_ns() // 1000, "value": 0.0, **changes}
        return publish("plant-a", json.dumps(reading).encode())

    async def test_rows_of_the_device_are_found_with_what_became_of_them_also_those_that_are_no_readings(
        self, api: Api, log: Log, database: ReadingsDatabase
    ):
        make_import_source(database, "home")
        refused = self.row(refused={"reason": "invalid_time", "detail": "no time"})
        await log.put(self.row(), self.row(device="other"), refused, source="import", session=self.SESSION)
        await log.put(publish("plant-z", b'{"device": "boiler"}'), source="import", session=self.SESSION)
        await log.put(sent(1))
        found = await asked(api)
        outcomes = [(each["topic"], each["result"]["outcome"]) for each in found["items"]]
        assert outcomes == [("sens/boiler/telemetry", "decoded"), ("plant-a", "quarantined"), ("plant-a", "decoded")]
        assert found["older"] == "none"

    async def test_those_of_other_tenants_are_not_looked_at(self, api: Api, log: Log, database: ReadingsDatabase):
        make_import_source(database, "elsewhere")
        await log.put(self.row(), source="import", session=self.SESSION)
        assert (await asked(api))["items"] == []

    async def test_a_search_of_them_has_an_end_and_begins_again_where_the_device_was_made(
        self, api: Api, log: Log, database: ReadingsDatabase, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(device_messages, "MAX_ROUNDS", 2)
        monkeypatch.setattr(device_messages, "FIRST_WINDOW", 4)
        database.connection.execute("UPDATE device SET created_at = now()")
        make_import_source(database, "home")
        await log.put(self.row(), source="import", session=self.SESSION)
        for _ in range(20):
            await log.put(self.row(device="other"), source="import", session=self.SESSION)
        found = await asked(api)
        assert (len(found["items"]), found["older"]) == (1, "not_searched")


def make_import_source(database: ReadingsDatabase, tenant: str) -> None:
    database.connection.execute("INSERT INTO tenant (name) VALUES (%s) ON CONFLICT DO NOTHING", (tenant,))
    database.one(
        "INSERT INTO source (tenant_id, name) SELECT id, 'import' FROM tenant WHERE name = %s RETURNING id", tenant
    )


class TestWhatBecameOfThem:
    """`m0` of `boiler` has a reading of each minute of a Monday."""

    def timed(self, value: float, minutes: int = 0) -> bytes:
        reading = {"m0": value, "ts": (MONDAY + minutes * MINUTE) // 1_000_000}
        return publish("sens/boiler/telemetry", json.dumps(reading).encode())

    @pytest.fixture(autouse=True)
    def configure(self, services: Services, tmp_path: Path) -> None:
        timed = CONFIG.replace("decoder: json}", "decoder: json, time: {field: ts, format: s}}")
        (tmp_path / "sens.yaml").write_text("retention: {raw: forever}\n" + timed)
        services.configuration = load(tmp_path / "sens.yaml", DECODERS)

    def ledger(self, database: ReadingsDatabase, envelope_id: bytes, **counts: int) -> None:
        names = ("decoded", "ignored", "quarantined", "readings", "readings_stored", "readings_duplicate")
        database.connection.execute(
            "INSERT INTO ledger (envelope_id, source_id, session, epoch, sequence, received_at, total, decoded,"
            " ignored, quarantined, readings, readings_stored, readings_duplicate, readings_conflict)"
            " VALUES (%s, 1, 'exclusive', '', 1, now(), 1, %s, %s, %s, %s, %s, %s, 0)",
            (UUID(bytes=envelope_id), *(counts.get(name, 0) for name in names)),
        )

    def quarantine(
        self, database: ReadingsDatabase, envelope_id: bytes, position: int, reason: str, state: int
    ) -> None:
        database.connection.execute(
            "INSERT INTO quarantine (source_id, envelope_id, position, received_at, topic, payload, reason, detail,"
            " state) VALUES (1, %s, %s, now(), '', '', %s, 'why', %s)",
            (UUID(bytes=envelope_id), position, reason, state),
        )

    async def test_what_is_not_in_the_ledger_is_pending(self, api: Api, log: Log):
        await log.put(self.timed(0))
        assert self.told(await asked(api)) == [("pending", None, False)]

    async def test_readings_that_are_there_were_stored_or_were_there_before(
        self, api: Api, log: Log, database: ReadingsDatabase
    ):
        first = await log.put(self.timed(0), self.timed(10, 10))
        again = await log.put(self.timed(0))
        self.ledger(database, first, decoded=2, readings=2, readings_stored=2)
        self.ledger(database, again, decoded=1, readings=1, readings_duplicate=1)
        assert self.told(await asked(api)) == [
            ("duplicate", None, False),
            ("stored", None, False),
            ("stored", None, False),
        ]

    async def test_a_message_in_quarantine_comes_with_its_reason_and_its_state(
        self, api: Api, log: Log, database: ReadingsDatabase
    ):
        broken = publish("sens/boiler/telemetry", b"{")
        id_ = await log.put(broken, broken, self.timed(0), self.timed(0))
        self.ledger(database, id_, decoded=2, quarantined=2, readings=2, readings_stored=1)
        self.quarantine(database, id_, 0, "invalid_syntax", 0)
        self.quarantine(database, id_, 1, "invalid_syntax", 2)
        self.quarantine(database, id_, 2, "conflict", 0)
        self.quarantine(database, id_, 3, "invalid_syntax", 1)
        assert self.told(await asked(api)) == [
            ("stored", ("invalid_syntax", "replayed"), False),
            ("conflict", ("conflict", "open"), False),
            ("quarantined", ("invalid_syntax", "discarded"), False),
            ("quarantined", ("invalid_syntax", "open"), False),
        ]

    async def test_it_is_said_where_the_configuration_of_today_would_decide_otherwise(
        self, api: Api, log: Log, database: ReadingsDatabase
    ):
        id_ = await log.put(self.timed(0))
        self.ledger(database, id_, quarantined=1)
        self.quarantine(database, id_, 0, "no_route", 0)
        ignored = await log.put(self.timed(0))
        self.ledger(database, ignored, ignored=1)
        renamed = await log.put(publish("sens/boiler/telemetry", b'{"renamed": 1, "ts": 1767571200}'))
        self.ledger(database, renamed, decoded=1, readings=1, readings_stored=1)
        assert self.told(await asked(api)) == [
            ("stored", None, True),
            ("ignored", None, True),
            ("quarantined", ("no_route", "open"), True),
        ]

    async def test_what_cannot_be_told_from_others_of_its_envelope_is_unknown(
        self, api: Api, log: Log, database: ReadingsDatabase
    ):
        id_ = await log.put(publish("sens/boiler/telemetry", b'{"renamed": 1, "ts": 1767571200}'), self.timed(0))
        self.ledger(database, id_, decoded=1, ignored=1, readings=1, readings_stored=1)
        assert self.told(await asked(api)) == [("stored", None, False), ("unknown", None, False)]

    async def test_a_duplicate_beside_a_conflict_is_a_duplicate(self, api: Api, log: Log, database: ReadingsDatabase):
        id_ = await log.put(self.timed(-1), self.timed(0))
        self.ledger(database, id_, decoded=2, readings=2, readings_duplicate=1)
        self.quarantine(database, id_, 0, "conflict", 0)
        assert self.told(await asked(api)) == [("duplicate", None, False), ("conflict", ("conflict", "open"), False)]

    async def test_which_of_an_envelopes_messages_were_duplicates_is_unknown(
        self, api: Api, log: Log, database: ReadingsDatabase
    ):
        id_ = await log.put(self.timed(0), self.timed(10, 10))
        self.ledger(database, id_, decoded=2, readings=2, readings_stored=1, readings_duplicate=1)
        assert self.told(await asked(api)) == [("unknown", None, False), ("unknown", None, False)]

    async def test_a_replayed_message_is_not_taken_for_one_in_quarantine(
        self, api: Api, log: Log, database: ReadingsDatabase
    ):
        renamed = publish("sens/boiler/telemetry", b'{"renamed": 1, "ts": 1767571200}')
        id_ = await log.put(publish("sens/boiler/telemetry", b"{"), renamed)
        self.ledger(database, id_, decoded=1, quarantined=1, readings=1, readings_stored=1)
        self.quarantine(database, id_, 0, "invalid_syntax", 0)
        self.quarantine(database, id_, 1, "no_route", 1)
        assert self.told(await asked(api)) == [
            ("stored", ("no_route", "replayed"), True),
            ("quarantined", ("invalid_syntax", "open"), False),
        ]

    async def test_what_retention_has_deleted_was_stored(
        self, api: Api, log: Log, database: ReadingsDatabase, services: Services
    ):
        services.configuration = services.configuration.model_copy(
            update={"retention": Retention(raw=timedelta(days=1))}
        )
        id_ = await log.put(self.timed(0))
        self.ledger(database, id_, decoded=1, readings=1, readings_stored=1)
        assert self.told(await asked(api)) == [("expired", None, False)]

    def told(self, found: dict[str, Any]) -> list[tuple[str, tuple[str, str] | None, bool]]:
        return [
            (each["became"], entry and (entry["reason"], entry["state"]), each["differs"])
            for each in found["items"]
            for entry in [each["quarantine"]]
        ]
