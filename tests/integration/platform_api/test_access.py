"""Who may do what, and for how long."""

import time
from types import SimpleNamespace

import pytest

from api import KEYS, Api, assert_problem, insert_key
from readings_database import HOUR, ReadingsDatabase
from sens.platform_api import keys

EVERY_READ = (
    "/devices", "/devices/1", "/series", "/series/1", "/series/1/readings", "/latest", "/sources", "/ledger",
    "/quarantine", "/quarantine/1", "/quarantine/summary", "/quarantine/overflow", "/live", "/api-keys",
)  # fmt: skip


async def test_nothing_is_told_without_a_key(api: Api):
    for path in EVERY_READ:
        answer = await api.get(path, key=None)
        assert_problem(answer, 401, "not-authenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_key_that_is_none_of_ours_opens_nothing(api: Api):
    for key in ("sens_", "sens_" + "x" * 40, KEYS["read"][:-1] + "z", "sens_" + "é" * 40, KEYS["read"].upper()):
        headers = {"Authorization": f"Bearer {key}".encode()}
        assert_problem(await api.request("GET", "/devices", key=None, headers=headers), 401, "not-authenticated")


async def test_a_key_comes_in_either_header(api: Api):
    assert (await api.get("/devices", key=KEYS["read"])).status_code == 200
    assert (await api.request("GET", "/devices", key=None, headers={"X-API-Key": KEYS["read"]})).status_code == 200


async def test_a_scope_includes_the_lesser_ones(api: Api):
    assert (await api.get("/devices", key=KEYS["operate"])).status_code == 200
    assert_problem(await api.request("POST", "/quarantine/1/discard", key=KEYS["read"]), 403, "scope-missing")
    assert (await api.request("POST", "/quarantine/1/discard", key=KEYS["operate"])).status_code == 200
    problem = assert_problem(await api.get("/api-keys", key=KEYS["operate"]), 403, "scope-missing")
    assert "needs the scope admin, the key operate has operate" in problem["detail"]
    assert (await api.request("POST", "/quarantine/2/discard", key=KEYS["admin"])).status_code == 200


async def test_an_expired_key_opens_nothing(api: Api, database: ReadingsDatabase):
    now = time.time_ns() // 1000
    insert_key(database, "old", "sens_old" + "k" * 40, "read", expires_at=now - 1)
    insert_key(database, "new", "sens_new" + "k" * 40, "read", expires_at=now + HOUR)
    assert_problem(await api.get("/devices", key="sens_old" + "k" * 40), 401, "not-authenticated")
    assert (await api.get("/devices", key="sens_new" + "k" * 40)).status_code == 200


async def test_a_key_revoked_elsewhere_is_trusted_for_a_few_seconds_only(
    api: Api, database: ReadingsDatabase, monkeypatch: pytest.MonkeyPatch
):
    now = time.monotonic()
    clock = SimpleNamespace(monotonic=lambda: now, time_ns=time.time_ns)
    monkeypatch.setattr(keys, "time", clock)
    assert (await api.get("/devices", key=KEYS["read"])).status_code == 200
    database.connection.execute("UPDATE api_key SET revoked_at = now() WHERE name = 'read'")
    assert (await api.get("/devices", key=KEYS["read"])).status_code == 200
    now += keys.TRUSTED_S
    assert_problem(await api.get("/devices", key=KEYS["read"]), 401, "not-authenticated")


async def test_keys_are_made_used_listed_and_revoked(api: Api):
    made = await api.request("POST", "/api-keys", json={"name": "ci", "scope": "read"})
    assert made.status_code == 201
    key = made.json()
    assert key["key"].startswith("sens_" + key["prefix"])
    assert (await api.get("/devices", key=key["key"])).status_code == 200
    listed = (await api.get("/api-keys")).json()
    assert [each["name"] for each in listed["items"]] == ["read", "operate", "admin", "ci"]
    assert "key" not in listed["items"][-1]
    assert "hash" not in str(listed)
    revoked = await api.request("DELETE", f"/api-keys/{key['id']}")
    assert revoked.json()["revoked_at"] is not None
    assert_problem(await api.get("/devices", key=key["key"]), 401, "not-authenticated")
    assert_problem(await api.request("DELETE", "/api-keys/4711"), 404, "not-found")


async def test_a_name_stands_for_one_key(api: Api):
    problem = assert_problem(
        await api.request("POST", "/api-keys", json={"name": "read", "scope": "read"}), 409, "name-taken"
    )
    assert "there is a key named read" in problem["detail"]


async def test_a_key_that_cannot_be_is_explained(api: Api):
    for wrong, location in (
        ({"scope": "root"}, "body.scope"),
        ({"name": ""}, "body.name"),
        ({"name": "a\0"}, "body.name"),
        ({"more": 1}, "body.more"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "body.expires_at"),
        ({"expires_at": "2030-01-01T00:00:00"}, "body.expires_at"),
    ):
        answer = await api.request("POST", "/api-keys", json={"name": "x", "scope": "read", **wrong})
        [told] = assert_problem(answer, 422, "invalid-request")["errors"]
        assert told["location"] == location
        assert not told["message"].startswith("Value error")
