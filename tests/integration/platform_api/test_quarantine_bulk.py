"""All that is open in quarantine and fits is settled by few requests, each of which is written down once."""

from typing import Any

import pytest

from api import KEYS, Api, assert_problem
from readings_database import MINUTE, MONDAY, ReadingsDatabase, at
from replay_worker import ReplayWorker
from sens.platform_api.routers import quarantine_bulk
from sens.stream.replay import ReplayReply


@pytest.fixture(autouse=True)
def quarantined(database: ReadingsDatabase) -> None:
    """Ten of `plant-a`, received a minute apart, each in an envelope of its own; five of them are `no_route`."""
    database.connection.execute("DELETE FROM quarantine")
    database.connection.execute(
        "INSERT INTO quarantine (source_id, envelope_id, position, received_at, topic, payload, reason, detail)"
        " SELECT 1, gen_random_uuid(), 0, %s + n * interval '1 minute', '', '',"
        " CASE WHEN n %% 2 = 0 THEN 'no_route' ELSE 'invalid_syntax' END, '' FROM generate_series(0, 9) AS n",
        (at(MONDAY),),
    )


async def settle(api: Api, act: str, **body: Any) -> dict[str, Any]:
    answer = await api.request("POST", f"/quarantine/{act}", key=KEYS["operate"], json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def open_messages(database: ReadingsDatabase) -> int:
    return database.one("SELECT count(*) FROM quarantine WHERE state = 0")


async def written_down(api: Api) -> list[tuple[str, str, dict[str, Any]]]:
    items = (await api.get("/audit")).json()["items"]
    return [(each["action"], each["object"], each["after"]) for each in items]


async def test_what_fits_is_discarded_and_written_down_once(api: Api, database: ReadingsDatabase):
    assert await settle(api, "discard", source="plant-a", reason="no_route") == {
        "discarded": 5,
        "remaining": 0,
        "next_cursor": None,
    }
    assert open_messages(database) == 5
    asked = {"source": "plant-a", "reason": "no_route", "discarded": 5}
    assert await written_down(api) == [("quarantine.discard", "plant-a: no_route", asked)]


async def test_it_is_chosen_by_when_it_was_received(api: Api, database: ReadingsDatabase):
    start, end = (at(MONDAY + minutes * MINUTE).isoformat() for minutes in (2, 5))
    assert (await settle(api, "discard", **{"from": start, "to": end}))["discarded"] == 3
    assert open_messages(database) == 7


async def test_a_request_takes_so_many_and_says_how_many_are_left(
    api: Api, database: ReadingsDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(quarantine_bulk, "DISCARDED_AT_ONCE", 4)
    first = await settle(api, "discard")
    assert (first["discarded"], first["remaining"]) == (4, 6)
    second = await settle(api, "discard", cursor=first["next_cursor"])
    third = await settle(api, "discard", cursor=second["next_cursor"])
    assert (third["discarded"], third["remaining"], third["next_cursor"]) == (2, 0, None)
    assert open_messages(database) == 0


async def test_what_comes_meanwhile_is_not_touched(
    api: Api, database: ReadingsDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(quarantine_bulk, "DISCARDED_AT_ONCE", 9)
    first = await settle(api, "discard")
    database.connection.execute(
        "INSERT INTO quarantine (source_id, envelope_id, position, received_at, topic, payload, reason, detail)"
        " VALUES (1, gen_random_uuid(), 0, now(), '', '', 'no_route', '')"
    )
    assert (await settle(api, "discard", cursor=first["next_cursor"]))["discarded"] == 1
    assert open_messages(database) == 1


async def test_a_worker_replays_what_fits_and_those_that_stay_open_are_tried_once(
    api: Api,
    worker: ReplayWorker,
    database: ReadingsDatabase,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(quarantine_bulk, "ENVELOPES_AT_ONCE", 2)
    worker.reply = ReplayReply(envelopes=2, messages=6, stored=5, quarantined=1)
    found = await settle(api, "replay", reason="no_route", overwrite=True)
    assert (found["tried"], found["envelopes"], found["stored"], found["quarantined"]) == (5, 6, 15, 3)
    assert (found["remaining"], found["next_cursor"]) == (0, None)
    assert [len(each.quarantine_ids) for each in worker.asked] == [2, 2, 1]
    assert all(each.overwrite for each in worker.asked)
    [(action, subject, after)] = await written_down(api)
    assert (action, subject, after["tried"]) == ("quarantine.replay", "all sources: no_route", 5)


async def test_a_replay_ends_after_a_while_and_goes_on_where_it_was(
    api: Api,
    worker: ReplayWorker,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(quarantine_bulk, "ENVELOPES_AT_ONCE", 6)
    monkeypatch.setattr(quarantine_bulk, "REPLAY_FOR_S", 0.0)
    first = await settle(api, "replay")
    assert (first["tried"], first["remaining"]) == (6, 4)
    second = await settle(api, "replay", cursor=first["next_cursor"])
    assert (second["tried"], second["next_cursor"]) == (4, None)


async def test_what_was_replayed_before_the_worker_failed_is_told_and_then_why(
    api: Api,
    worker: ReplayWorker,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(quarantine_bulk, "ENVELOPES_AT_ONCE", 6)
    done = [ReplayReply(envelopes=6)]

    def answer(_: ReplayWorker) -> ReplayReply:
        return done.pop() if done else ReplayReply(error="no room")

    monkeypatch.setattr(ReplayWorker, "reply", property(answer), raising=False)
    first = await settle(api, "replay")
    assert (first["envelopes"], first["remaining"]) == (6, 4)
    again = await api.request("POST", "/quarantine/replay", json={"cursor": first["next_cursor"]})
    assert assert_problem(again, 503, "replay-failed")["detail"] == "no room"


async def test_the_oldest_is_replayed_first_and_what_comes_meanwhile_is_not_touched(
    api: Api, worker: ReplayWorker, database: ReadingsDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(quarantine_bulk, "ENVELOPES_AT_ONCE", 3)
    monkeypatch.setattr(quarantine_bulk, "REPLAY_FOR_S", 0.0)
    ids = [id_ for (id_,) in database.connection.execute("SELECT id FROM quarantine ORDER BY id").fetchall()]
    answer = await settle(api, "replay")
    database.connection.execute(
        "INSERT INTO quarantine (source_id, envelope_id, position, received_at, topic, payload, reason, detail)"
        " VALUES (1, gen_random_uuid(), 0, now(), '', '', 'no_route', '')"
    )
    while answer["next_cursor"]:
        answer = await settle(api, "replay", cursor=answer["next_cursor"])
    assert [id_ for each in worker.asked for id_ in each.quarantine_ids] == ids


async def test_an_envelope_is_replayed_once_however_many_messages_of_it_are_open(
    api: Api, worker: ReplayWorker, database: ReadingsDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(quarantine_bulk, "ENVELOPES_AT_ONCE", 1)
    database.connection.execute("UPDATE quarantine SET envelope_id = md5('one')::uuid, position = id % 1000 + 1")
    database.connection.execute(
        "INSERT INTO quarantine (source_id, envelope_id, position, received_at, topic, payload, reason, detail)"
        " VALUES (1, gen_random_uuid(), 0, now(), '', '', 'no_route', '')"
    )
    answer = await settle(api, "replay")
    assert (answer["tried"], answer["still_open"], answer["remaining"]) == (11, 11, 0)
    assert [len(each.quarantine_ids) for each in worker.asked] == [10, 1]


async def test_a_worker_is_asked_for_few_messages_at_once(
    api: Api, worker: ReplayWorker, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(quarantine_bulk, "MESSAGES_AT_ONCE", 4)
    assert (await settle(api, "replay"))["tried"] == 10
    assert [len(each.envelope_ids) for each in worker.asked] == [4, 4, 2]


async def test_a_replay_that_the_worker_did_not_finish_is_written_down(api: Api, worker: ReplayWorker):
    worker.reply = ReplayReply(error="no room")
    assert_problem(await api.request("POST", "/quarantine/replay", json={}), 503, "replay-failed")
    [(action, _, after)] = await written_down(api)
    assert (action, after["tried"], after["unanswered"], after["problem"]) == ("quarantine.replay", 0, 10, "no room")


async def test_a_replay_of_one_message_that_the_worker_did_not_finish_is_written_down(
    api: Api, worker: ReplayWorker, database: ReadingsDatabase
):
    worker.reply = ReplayReply(error="no room")
    id_ = database.one("SELECT min(id) FROM quarantine")
    assert_problem(await api.request("POST", f"/quarantine/{id_}/replay"), 503, "replay-failed")
    [(action, _, after)] = await written_down(api)
    assert (action, after) == ("quarantine.replay", {"overwrite": False, "problem": "no room"})


async def test_what_a_replay_holds_is_not_discarded_and_counted_as_remaining(api: Api, database: ReadingsDatabase):
    with database.connection.transaction():
        database.connection.execute("SELECT FROM quarantine WHERE reason = 'no_route' FOR UPDATE")
        found = await settle(api, "discard", reason="no_route")
        assert found == {"discarded": 0, "remaining": 5, "next_cursor": None}


async def test_relative_times_mean_the_same_in_all_requests_of_a_run(
    api: Api, database: ReadingsDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(quarantine_bulk, "DISCARDED_AT_ONCE", 4)
    database.connection.execute("UPDATE quarantine SET received_at = now() - interval '1 hour'")
    first = await settle(api, "discard", **{"from": "now-1d"})
    database.connection.execute(
        "UPDATE quarantine SET received_at = now() - interval '1 day 2 seconds' WHERE state = 0 AND id % 2 = 0"
    )
    later = await settle(api, "discard", cursor=first["next_cursor"], **{"from": "now-1w"})
    assert (later["discarded"], later["remaining"]) == (3, 0)


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "nonsense"},
        {"from": "yesterday"},
        {"cursor": "%"},
        {"cursor": "WzE3LDQwLDk5OTk5OTk5OTk5OTk5OTk5OTk5LG51bGxd"},
        {"sauce": "plant-a"},
    ],
)
async def test_a_wrong_filter_settles_nothing(api: Api, database: ReadingsDatabase, body: dict[str, str]):
    assert_problem(await api.request("POST", "/quarantine/discard", json=body), 422, "invalid-request")
    assert open_messages(database) == 10
