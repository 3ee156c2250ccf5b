"""Imports by the API: nothing twice, nothing before it is asked for, and only into one's own sources."""

import asyncio
import gc
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from api import KEYS, Api, assert_problem, insert_key
from readings_database import MONDAY, ReadingsDatabase
from sens.decoding.messages import Arrival
from sens.platform_api import body, importing
from sens.platform_api.body import LargeBodies
from sens.platform_api.services import Services
from sens.stream.connection import StreamConnection
from sens.stream.consumer import RawConsumer
from sens.stream.errors import StreamMissing
from sens.stream.imports import ImportLog
from sens.stream.raw import RawStream, RawStreamSettings
from sens.stream.streamlog import call
from sens.stream.tails import LogObserver
from sens.telemetry_worker.clock import now_us
from sens.telemetry_worker.purge import purge
from telemetry import CONFIGURATION, House, write

ID = "0123456789abcdef" * 2
PATH = f"/imports/import/{ID}"
READING = {"source": "plant-a", "device": "boiler", "metric": "m0", "time": MONDAY + 7, "value": 4.5}


class Log:
    """The raw stream, and a telemetry worker that stores what is in it when it is told to."""

    def __init__(self, raw: RawStream, consumer: RawConsumer, house: House) -> None:
        self.raw = raw
        self.consumer = consumer
        self.house = house

    async def store(self, envelopes: int) -> None:
        worker = self.house.worker("retention: {raw: forever}\n" + CONFIGURATION, self.raw)
        while envelopes:
            deliveries = await self.consumer.pull(envelopes, 1 << 20, 5.0)
            write(worker, *(Arrival(each.sequence, each.subject, each.data, each.timestamp) for each in deliveries))
            await self.consumer.ack(deliveries)
            envelopes -= len(deliveries)
        async with asyncio.timeout(15):
            while (await self.consumer.state()).ack_pending:
                pass


@pytest.fixture
def house(database: ReadingsDatabase) -> Iterator[House]:
    house = House(database.url)
    yield house
    house.close()


@pytest.fixture
async def log(stream: StreamConnection, services: Services, house: House) -> Log:
    with suppress(StreamMissing):
        await call(stream, "STREAM.DELETE.SENS_RAW", {}, dict)
    raw = await RawStream.ensure(stream, RawStreamSettings(64 * 1024 * 1024))
    services.imports, services.log = ImportLog(stream, "SENS_RAW"), LogObserver(stream, "SENS_RAW")
    return Log(raw, await RawConsumer.bind(stream, raw), house)


async def add(api: Api, before: int, *readings: Any, path: str = PATH, key: str = KEYS["admin"]) -> httpx.Response:
    return await api.request("POST", path, key=key, json={"before": before, "readings": list(readings)})


async def state(api: Api, path: str = PATH) -> dict[str, Any]:
    answer = await api.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def counts(found: dict[str, Any]) -> tuple[int, ...]:
    return tuple(found[name] for name in ("readings", "pending", "stored", "duplicate", "conflict", "quarantined"))


async def test_readings_go_the_way_of_all_readings_and_the_ledger_counts_them_under_the_imports_source(
    api: Api, log: Log, database: ReadingsDatabase
):
    new = READING | {"device": "kettle", "metric": "on", "unit": "1", "value": True}
    bad = READING | {"value": "n/a", "kind": "number"}
    assert counts(await state(api)) == (0,) * 6
    assert (await add(api, 0, READING, new, bad, READING)).json() == {"readings": 4, "finished": False}
    assert counts(await state(api)) == (4, 4, 0, 0, 0, 0)
    await log.store(1)
    assert counts(await state(api)) == (4, 0, 2, 1, 0, 1)
    stored = "SELECT value FROM reading WHERE series_id = %s AND time > to_timestamp(0) ORDER BY time"
    assert 4.5 in [value for (value,) in database.connection.execute(stored, (database.series[0],)).fetchall()]
    made = "SELECT kind FROM series s JOIN device d ON d.id = s.device_id WHERE d.name = 'kettle' AND d.source_id = 1"
    assert database.one(made) == 1
    ledger = {each["source"]: each for each in (await api.get("/ledger")).json()["sources"]}
    assert (ledger["import"]["received"], ledger["import"]["balanced"]) == (4, True)
    [quarantined] = (await api.get("/quarantine", source="import")).json()["items"]
    assert (quarantined["topic"], quarantined["reason"]) == ("plant-a", "invalid_value")
    tried = (await api.request("POST", f"/quarantine/{quarantined['id']}/try", json={})).json()
    assert (tried["outcome"], tried["reason"], tried["detail"]) == (
        "quarantined",
        "invalid_value",
        "value: 'n/a' is no number",
    )


async def test_what_comes_twice_or_out_of_turn_is_not_added(api: Api, log: Log):
    assert (await add(api, 0, READING, READING)).status_code == 200
    for before in (0, 1, 3):
        problem = assert_problem(await add(api, before, READING), 409, "import-moved")
        assert problem["detail"] == "the import has 2 readings"
    assert (await add(api, 2, READING)).json()["readings"] == 3


async def test_of_several_that_go_on_at_the_same_time_one_does(api: Api, log: Log):
    answers = await asyncio.gather(*(add(api, 0, READING) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert (await state(api))["readings"] == 1


async def test_a_finished_import_takes_nothing_more_and_stays_finished(api: Api, log: Log):
    await add(api, 0, READING)
    assert_problem(await api.request("POST", f"{PATH}/finish", json={"readings": 2}), 409, "import-moved")
    for _ in range(2):
        answer = await api.request("POST", f"{PATH}/finish", json={"readings": 1})
        assert answer.json() == {"readings": 1, "finished": True}
    assert_problem(await add(api, 1, READING), 409, "import-moved")
    assert (await state(api))["finished"] is True
    actions = [each["action"] for each in (await api.get("/audit")).json()["items"]]
    assert sorted(actions) == ["import.begin", "import.finish", "source.create"]


async def test_of_a_finished_import_the_log_keeps_an_empty_envelope_and_still_knows_it(api: Api, log: Log):
    await add(api, 0, READING)
    await api.request("POST", f"{PATH}/finish", json={"readings": 1})
    await log.store(2)
    state_of_consumer = await log.consumer.state()
    assert await purge(log.raw, state_of_consumer.ack_floor_stream_sequence, now_us()) == 1
    found = await state(api)
    assert (found["readings"], found["finished"], found["pending"]) == (1, True, 0)


async def test_no_more_is_taken_in_than_workers_store(api: Api, log: Log, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importing, "PATIENCE_S", 0.05)
    assert [(await add(api, n, READING)).status_code for n in range(2)] == [200, 200]
    refused = await add(api, 2, READING)
    assert_problem(refused, 503, "workers-behind")
    assert refused.headers["Retry-After"]
    await log.store(1)
    assert (await add(api, 2, READING)).status_code == 200


async def test_workers_that_are_behind_are_asked_more_and_more_seldom(
    api: Api, log: Log, services: Services, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(importing, "PATIENCE_S", 1.0)
    asked = list[int]()

    async def acknowledged() -> int:
        asked.append(0)
        return 0

    assert [(await add(api, n, READING)).status_code for n in range(2)] == [200, 200]
    monkeypatch.setattr(services.log, "acknowledged", acknowledged)
    assert_problem(await add(api, 2, READING), 503, "workers-behind")
    assert 1 < len(asked) < 50


async def test_a_full_log_is_said(api: Api, log: Log):
    await RawStream.ensure(log.raw.connection, RawStreamSettings(1000))
    answer = await add(api, 0, *[READING] * 100)
    assert_problem(answer, 503, "stream-full")
    assert (await state(api))["readings"] == 0


async def test_where_no_worker_has_made_the_log_nothing_is_taken_in(api: Api, services: Services):
    assert_problem(await add(api, 0, READING), 503, "stream-unavailable")
    assert (await state(api))["readings"] == 0


async def test_a_body_may_be_longer_than_others_but_not_without_end(api: Api, log: Log):
    some = [READING | {"note": "x" * 100}] * 2_000
    assert (await add(api, 0, *some)).status_code == 200
    assert_problem(await add(api, 2_000, *some, *some), 413, "body-too-large")
    assert (await state(api))["max_body_bytes"] == 512 * 1024


async def test_only_who_may_import_takes_one_of_the_places_for_long_bodies(
    api: Api, services: Services, log: Log, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(body, "BODY_TIMEOUT_S", 30.0)
    services.large_bodies = LargeBodies(most=1)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow():
        yield json.dumps({"before": 0, "readings": [READING]}).encode()
        begun.set()
        await go_on.wait()

    for stranger, slug in ((None, "not-authenticated"), (KEYS["read"], "scope-missing")):
        answer = await api.request("POST", PATH, key=stranger, content=slow())
        assert_problem(answer, 401 if stranger is None else 403, slug)
    assert not begun.is_set()
    first = asyncio.create_task(api.request("POST", PATH, content=slow()))
    await begun.wait()
    assert_problem(await add(api, 0, READING), 503, "overloaded")
    go_on.set()
    assert (await first).status_code == 200
    assert (await add(api, 1, READING)).status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b'{"before": 0, "readings": []}',
        b'{"before": -1, "readings": [{"source": "plant-a"}]}',
        b'{"before": 0, "readings": [{"source": "Plant A"}]}',
        b'{"before": 0, "readings": [1]}',
        b'{"before": 0, "readings": [{"source": "plant-a"}], "more": 1}',
    ],
)
async def test_what_is_no_list_of_readings_is_refused(api: Api, log: Log, content: bytes):
    assert_problem(await api.request("POST", PATH, content=content), 422, "invalid-request")
    assert (await state(api))["readings"] == 0


class TestWhose:
    async def test_a_source_that_is_read_from_a_broker_is_no_source_of_an_import(self, api: Api, log: Log):
        answer = await add(api, 0, READING, path=f"/imports/plant-a/{ID}")
        assert assert_problem(answer, 422, "invalid-request")["errors"][0]["location"] == "path.source"

    async def test_an_operator_imports_but_only_an_admin_makes_a_source(self, api: Api, log: Log):
        assert_problem(await add(api, 0, READING, key=KEYS["operate"]), 403, "scope-missing")
        assert (await add(api, 0, READING)).status_code == 200
        assert (await add(api, 1, READING, key=KEYS["operate"])).status_code == 200
        assert_problem(await add(api, 2, READING | {"source": "new"}, key=KEYS["operate"]), 403, "scope-missing")

    async def test_a_line_s_end_is_no_part_of_a_source_s_name(self, api: Api, log: Log):
        assert_problem(await add(api, 0, READING | {"source": "plant-a\n"}), 422, "invalid-request")

    async def test_a_new_source_is_of_the_tenant_of_those_that_it_is_about(
        self, api: Api, log: Log, database: ReadingsDatabase
    ):
        await add(api, 0, READING)
        owner = "SELECT t.name FROM source s JOIN tenant t ON t.id = s.tenant_id WHERE s.name = %s"
        assert database.one(owner, "import") == "home"
        await add(api, 0, READING | {"source": "alone"}, path=f"/imports/other/{ID}")
        assert (database.one(owner, "other"), database.one(owner, "alone")) == ("default", "default")

    async def test_what_is_another_tenants_is_not_there(self, api: Api, log: Log, database: ReadingsDatabase):
        away = database.one("INSERT INTO tenant (name) VALUES ('away') RETURNING id")
        key = "sens_stranger" + "s" * 40
        insert_key(database, "stranger", key, "admin", tenant_id=away)
        assert_problem(await add(api, 0, READING, key=key), 404, "not-found")
        assert_problem(await add(api, 0, READING | {"source": "plant-z"}, key=key), 404, "not-found")
        # A name that it took would be missing to whoever declares it next.
        assert_problem(await add(api, 0, READING | {"source": "own"}, key=key), 403, "scope-missing")
        for name in ("own", "import"):
            database.connection.execute("INSERT INTO source (tenant_id, name) VALUES (%s, %s)", (away, name))
        assert (await add(api, 0, READING | {"source": "own"}, key=key)).status_code == 200
        assert_problem(await add(api, 1, READING, key=key), 404, "not-found")
        assert (await state(api))["readings"] == 1
        mixed = await add(api, 1, READING)
        assert assert_problem(mixed, 422, "invalid-request")["errors"][0]["location"] == "body.readings"


async def test_what_was_added_is_not_kept_in_memory(api: Api, log: Log):
    """Without the collector, which comes by too seldom for half a megabyte a request."""
    many = [READING | {"time": MONDAY + n, "device": "x" * 200} for n in range(500)]
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        await add(api, 0, *many)
        before = kept_by_requests()
        for n in range(1, 6):
            assert (await add(api, n * len(many), *many)).status_code == 200
            await log.store(1)
        assert kept_by_requests() - before < 100_000  # of a megabyte
    finally:
        tracemalloc.stop()
        gc.enable()


def kept_by_requests() -> int:
    """Bytes that the server's side of a request still holds."""
    traces = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/starlette/requests.py")])
    return sum(each.size for each in traces.statistics("filename"))
