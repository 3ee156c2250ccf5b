"""Replay is asked of a telemetry worker over NATS; here the test plays the worker."""

import asyncio

from api import KEYS, Api, assert_problem
from readings_database import MONDAY, ReadingsDatabase
from replay_worker import ReplayWorker
from sens.platform_api.services import Services
from sens.stream.replay import ReplayReply, ReplayRequest


async def test_a_range_is_replayed_by_a_worker(api: Api, worker: ReplayWorker):
    body = {"from": "2026-01-05T00:00:00Z", "to": "2026-01-05T00:00:01Z", "source": "plant-a", "overwrite": True}
    answer = await api.request("POST", "/replay", key=KEYS["operate"], json=body)
    assert answer.json() == {
        "envelopes": 1, "messages": 200, "stored": 3, "duplicate": 590, "conflict": 1, "quarantined": 2, "expired": 0,
    }  # fmt: skip
    assert worker.asked == [ReplayRequest(start=MONDAY, end=MONDAY + 1_000_000, source="plant-a", overwrite=True)]


async def test_an_envelope_is_replayed_by_a_message_of_its_in_quarantine(
    api: Api, worker: ReplayWorker, database: ReadingsDatabase
):
    envelope = database.one("SELECT envelope_id FROM quarantine WHERE id = 2")
    assert (await api.request("POST", "/quarantine/2/replay")).json()["stored"] == 3
    assert worker.asked == [ReplayRequest(envelope_ids=[envelope.hex], quarantine_ids=[2])]
    database.connection.execute("UPDATE quarantine SET state = 1 WHERE id = 2")
    assert_problem(await api.request("POST", "/quarantine/2/replay"), 409, "already-settled")
    assert_problem(await api.request("POST", "/quarantine/4711/replay"), 404, "not-found")


async def test_what_the_worker_says_went_wrong_is_told(api: Api, worker: ReplayWorker):
    worker.reply = ReplayReply(error="the log holds nothing of that time")
    problem = assert_problem(await api.request("POST", "/replay", json={"from": "now-1h"}), 503, "replay-failed")
    assert problem["detail"] == "the log holds nothing of that time"
    worker.reply = b"nonsense"
    assert_problem(await api.request("POST", "/replay", json={"from": "now-1h"}), 503, "replay-failed")


async def test_one_replay_runs_at_a_time(api: Api, worker: ReplayWorker):
    worker.answering.clear()
    first = asyncio.create_task(api.request("POST", "/replay", json={"from": "now-1h"}))
    await worker.was_asked.wait()
    second = await api.request("POST", "/replay", json={"from": "now-1h"})
    assert "another replay" in assert_problem(second, 503, "replay-failed")["detail"]
    worker.answering.set()
    assert (await first).status_code == 200


async def test_without_a_worker_nothing_is_done_and_that_is_told(api: Api, services: Services):
    answer = await api.request("POST", "/replay", json={"from": "now-1h"})
    assert_problem(answer, 503, "no-worker")
    assert answer.headers["retry-after"] == "2"
    assert not services.replaying.locked()


async def test_a_wrong_range_is_explained(api: Api):
    for body, location in (
        ({}, "body.from"),
        ({"from": "now-32d"}, "body.from"),
        ({"from": "now-1h", "source": "a.*"}, "body.source"),
        ({"from": "now-1h", "overwrite": 1}, "body.overwrite"),
    ):
        problem = assert_problem(await api.request("POST", "/replay", json=body), 422, "invalid-request")
        assert problem["errors"][0]["location"] == location
