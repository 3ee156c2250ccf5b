"""Trying another rule on a message in quarantine: its result is seen before the configuration is changed."""

import time
from typing import Any

import pytest

from api import Api, assert_problem
from readings_database import ReadingsDatabase, at
from sens.platform_api.times import SECOND

NOW_S = int(time.time())


@pytest.fixture
def message_id(database: ReadingsDatabase) -> int:
    return database.one(
        "INSERT INTO quarantine (source_id, envelope_id, position, received_at, topic, payload, reason, detail)"
        " VALUES (%s, gen_random_uuid(), 9, now(), %s, %s, 'no_route', 'why') RETURNING id",
        database.source_id,
        b"old/boiler/status",
        b'{"at": %d, "air": {"t": 21.5}, "on": true}' % NOW_S,
    )


async def tried(api: Api, id_: int, rule: dict[str, Any] | str | None = None) -> dict[str, Any]:
    answer = await api.request("POST", f"/quarantine/{id_}/try", json={} if rule is None else {"rule": rule})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_rule_is_tried_and_nothing_is_stored(api: Api, database: ReadingsDatabase, message_id: int):
    before = database.one("SELECT count(*) FROM reading"), database.one("SELECT count(*) FROM device")
    rule = {"topic": "old/{device}/status", "decoder": "json", "time": {"field": "at", "format": "s"}}
    found = await tried(api, message_id, rule)
    assert (found["outcome"], found["reason"], found["detail"]) == ("decoded", None, "")
    assert sorted((each["device"], each["metric"], each["kind"], each["value"]) for each in found["readings"]) == [
        ("boiler", "air.t", "number", 21.5),
        ("boiler", "on", "boolean", True),
    ]
    assert {each["time"] for each in found["readings"]} == {at(NOW_S * SECOND).isoformat().replace("+00:00", "Z")}
    assert (database.one("SELECT count(*) FROM reading"), database.one("SELECT count(*) FROM device")) == before
    assert (await api.get(f"/quarantine/{message_id}")).json()["state"] == "open"


@pytest.mark.parametrize(
    "rule",
    [
        "topic: old/{device}/status\ndecoder: json\ntime: {field: at, format: s}\n",
        "- topic: old/{device}/status\n  decoder: json   # as it is in the file\n  time:\n    field: at\n    format: s",
    ],
)
async def test_a_rule_may_be_the_lines_of_the_file(api: Api, message_id: int, rule: str):
    assert {each["metric"] for each in (await tried(api, message_id, rule))["readings"]} == {"air.t", "on"}


async def test_a_source_whose_name_looks_like_a_number_has_its_rules_tried(
    api: Api, database: ReadingsDatabase, message_id: int
):
    database.connection.execute("UPDATE source SET name = '123'")
    rule = {"topic": "old/{device}/status", "decoder": "json"}
    assert (await tried(api, message_id, rule))["outcome"] == "decoded"


async def test_without_a_rule_it_is_as_configured(api: Api, message_id: int):
    found = await tried(api, message_id)
    assert (found["outcome"], found["reason"], found["readings"]) == ("quarantined", "no_route", [])
    assert found["meaning"]


async def test_what_is_wrong_in_a_rule_is_told_by_place(api: Api, message_id: int):
    for rule, place in (
        ({"topic": "a/{device}", "decoder": "jsn"}, "body.rule.decoder"),
        ({"topic": "a/{device", "decoder": "json"}, "body.rule.topic"),
        ({"topic": "a/{device}", "decoder": "json", "tiem": {}}, "body.rule.tiem"),
        ({}, "body.rule"),
        ("", "body.rule"),
        ("topic: [", "body.rule"),
        ("topic: a/{device}\ndecoder: jsn", "body.rule.decoder"),
        ("topic: a/{device}\ndecoder: json\nsources: []", "body.rule.sources"),
    ):
        answer = await api.request("POST", f"/quarantine/{message_id}/try", json={"rule": rule})
        problem = assert_problem(answer, 422, "invalid-request")
        assert problem["errors"][0]["location"].startswith(place), problem
        assert problem["errors"][0]["message"]
