"""Users are made, changed and deleted; the last admin stays; and who did what is written down."""

import asyncio
from typing import Any

import pytest

from api import Api, assert_problem, insert_user, open_session
from readings_database import ReadingsDatabase

PASSWORD = "correct horse battery"


async def audit(api: Api, **which: Any) -> list[dict[str, Any]]:
    return (await api.get("/audit", **which)).json()["items"]


async def test_users_are_made_changed_listed_and_deleted(api: Api):
    body = {"name": "ann", "role": "viewer", "password": PASSWORD}
    made = await api.request("POST", "/users", json=body)
    assert made.status_code == 201
    user = made.json()
    assert (user["role"], user["has_password"], user["disabled"], user["tenant"]) == ("viewer", True, False, None)
    assert PASSWORD not in made.text
    assert "argon2" not in made.text
    changed = (await api.request("PATCH", f"/users/{user['id']}", json={"role": "operator"})).json()
    assert (changed["role"], changed["has_password"]) == ("operator", True)
    changed = (await api.request("PATCH", f"/users/{user['id']}", json={"password": None})).json()
    assert (changed["role"], changed["has_password"]) == ("operator", False)
    assert (await api.get("/users")).json()["items"] == [changed]
    assert (await api.request("DELETE", f"/users/{user['id']}")).status_code == 204
    assert_problem(await api.request("DELETE", f"/users/{user['id']}"), 404, "not-found")
    assert (await api.get("/users")).json()["items"] == []


async def test_a_name_stands_for_one_user(api: Api):
    assert (await api.request("POST", "/users", json={"name": "ann", "role": "viewer"})).status_code == 201
    problem = assert_problem(
        await api.request("POST", "/users", json={"name": "ann", "role": "admin"}), 409, "name-taken"
    )
    assert "ann" in problem["detail"]


async def test_a_user_that_cannot_be_is_explained(api: Api):
    for wrong, location in (
        ({"name": "Ann"}, "body.name"),
        ({"role": "root"}, "body.role"),
        ({"password": "short"}, "body.password"),
        ({"tenant": "nowhere"}, "body.tenant"),
        ({"more": 1}, "body.more"),
    ):
        answer = await api.request("POST", "/users", json={"name": "ann", "role": "viewer", **wrong})
        assert assert_problem(answer, 422, "invalid-request")["errors"][0]["location"] == location


async def test_a_tenant_may_be_declared_only(api: Api):
    for tenant in ("home", "default"):
        body = {"name": f"of-{tenant}", "role": "admin", "tenant": tenant}
        assert (await api.request("POST", "/users", json=body)).json()["tenant"] == tenant


async def test_the_last_admin_stays(api: Api, database: ReadingsDatabase):
    ann = insert_user(database, "ann", "admin")
    insert_user(database, "of-home", "admin", tenant_id=1)
    insert_user(database, "gone", "admin")
    database.connection.execute("UPDATE user_account SET disabled = true WHERE name = 'gone'")
    for change in ({"role": "operator"}, {"disabled": True}):
        assert_problem(await api.request("PATCH", f"/users/{ann}", json=change), 409, "last-admin")
    assert_problem(await api.request("DELETE", f"/users/{ann}"), 409, "last-admin")
    assert database.one("SELECT role FROM user_account WHERE name = 'ann' AND NOT disabled") == "admin"
    insert_user(database, "bob", "admin")
    assert (await api.request("DELETE", f"/users/{ann}")).status_code == 204


async def test_two_admins_who_lower_each_other_at_once_do_not_both_succeed(api: Api, database: ReadingsDatabase):
    admins = [insert_user(database, f"admin-{n}", "admin") for n in range(4)]
    answers = await asyncio.gather(
        *(api.request("PATCH", f"/users/{each}", json={"role": "viewer"}) for each in admins)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 409]


async def test_who_changed_what_and_what_it_was_before_is_written_down(api: Api, database: ReadingsDatabase):
    ann = open_session(database, insert_user(database, "ann", "operator"))
    for label in ("Boiler", "Boiler, cellar", "Boiler, cellar"):
        await api.request("PATCH", "/devices/1", key=None, headers=ann, json={"label": label})
    entries = await audit(api, object_kind="device", object_id=1)
    assert [(entry["before"], entry["after"]) for entry in entries] == [
        ({"label": "Boiler"}, {"label": "Boiler, cellar"}),
        ({"label": None}, {"label": "Boiler"}),
    ]
    assert (entries[0]["actor_kind"], entries[0]["actor"], entries[0]["object"], entries[0]["tenant"]) == (
        "user", "ann", "boiler", "home"
    )  # fmt: skip
    assert entries[0]["at"].endswith("Z")


async def test_every_kind_of_change_is_written_down(api: Api):
    made = (await api.request("POST", "/users", json={"name": "ann", "role": "viewer", "password": PASSWORD})).json()
    await api.request("PATCH", f"/users/{made['id']}", json={"role": "operator", "password": PASSWORD + "!"})
    await api.request("POST", "/login-links", json={"username": "ann"})
    await api.request("DELETE", f"/users/{made['id']}")
    key = (await api.request("POST", "/api-keys", json={"name": "ci", "scope": "read"})).json()
    await api.request("DELETE", f"/api-keys/{key['id']}")
    await api.request("PATCH", "/series/1", json={"unit": "°C"})
    await api.request("POST", "/quarantine/1/discard")
    entries = await audit(api)
    assert [entry["action"] for entry in reversed(entries)] == [
        "user.create", "user.update", "user.make_login_link", "user.delete",
        "api_key.create", "api_key.revoke", "series.update", "quarantine.discard",
    ]  # fmt: skip
    assert {entry["actor"] for entry in entries} == {"admin"}
    text = (await api.get("/audit")).text
    assert PASSWORD not in text
    assert "argon2" not in text
    assert key["key"] not in text


async def test_a_refused_change_leaves_no_entry(api: Api, database: ReadingsDatabase):
    ann = insert_user(database, "ann", "admin")
    await api.request("DELETE", f"/users/{ann}")
    await api.request("PATCH", "/devices/4711", json={"label": "x"})
    assert await audit(api) == []


async def test_the_audit_list_comes_in_pages_and_by_filter(api: Api):
    for n in range(5):
        await api.request("PATCH", "/devices/1", json={"label": f"label {n}"})
    await api.request("PATCH", "/series/1", json={"precision": 1})
    first = (await api.get("/audit", limit=4)).json()
    rest = (await api.get("/audit", limit=4, cursor=first["next_cursor"])).json()
    ids = [entry["id"] for entry in first["items"] + rest["items"]]
    assert (len(ids), ids) == (6, sorted(ids, reverse=True))
    assert len(await audit(api, action="device.update")) == 5
    assert await audit(api, actor="nobody") == []
    assert [entry["object_kind"] for entry in await audit(api, object_kind="series")] == ["series"]


@pytest.mark.parametrize("path", ["/devices/1", "/series/1"])
async def test_a_change_that_cannot_be_is_explained(api: Api, path: str):
    wrongs = {
        "/devices/1": ({"label": ""}, {"label": "a\nb"}, {"note": "\0"}, {"expected_interval_s": 0}, {"name": "x"}),
        "/series/1": ({"precision": 16}, {"unit": "x" * 33}, {"display_name": ""}, {"metric": "x"}),
    }
    for wrong in wrongs[path]:
        answer = await api.request("PATCH", path, json=wrong)
        errors = assert_problem(answer, 422, "invalid-request")["errors"]
        assert errors[0]["location"] == f"body.{next(iter(wrong))}"


async def test_what_people_say_of_a_device_is_shown_and_taken_back(api: Api):
    given = {"label": "Boiler, cellar", "note": "Serviced\nin May", "expected_interval_s": 60, "archived": True}
    changed = (await api.request("PATCH", "/devices/1", json=given)).json()
    assert given.items() <= changed.items()
    assert (await api.get("/devices/1")).json() == changed
    for q, found in (("CELLAR", [1]), ("plant cellar boil", [1]), ("cellar attic", [])):
        assert [each["id"] for each in (await api.get("/devices", q=q)).json()["items"]] == found, q
    assert (await api.get("/devices", archived=False)).json()["items"] == []
    back = (await api.request("PATCH", "/devices/1", json={"label": None, "archived": False})).json()
    assert (back["label"], back["note"], back["archived"]) == (None, "Serviced\nin May", False)


async def test_the_main_metric_of_a_device_is_chosen_and_written_down(api: Api):
    first = (await api.get("/devices/1")).json()["main_series_id"]
    changed = (await api.request("PATCH", "/devices/1", json={"main_metric": "m2"})).json()
    assert changed["main_series_id"] not in (None, first)
    [noted] = (await api.get("/audit")).json()["items"]
    assert (noted["before"], noted["after"]) == ({"main_metric": None}, {"main_metric": "m2"})
    back = (await api.request("PATCH", "/devices/1", json={"main_metric": None})).json()
    assert (back["main_metric"], back["main_series_id"]) == (None, first)


async def test_a_device_is_silent_after_twice_the_interval_in_which_it_is_expected(
    api: Api, database: ReadingsDatabase
):
    assert (await api.get("/devices/1")).json()["silent"] is False
    await api.request("PATCH", "/devices/1", json={"expected_interval_s": 60})
    database.connection.execute("UPDATE series_latest SET time = now() - interval '90 seconds'")
    assert (await api.get("/devices/1")).json()["silent"] is False
    database.connection.execute("UPDATE series_latest SET time = now() - interval '121 seconds'")
    assert (await api.get("/devices")).json()["items"][0]["silent"] is True
    assert (await api.request("PATCH", "/devices/1", json={"archived": True})).json()["silent"] is False


async def test_how_a_series_is_shown_changes_what_is_shown_only(api: Api):
    given = {"display_name": "Flow", "unit": "°C", "precision": 1}
    assert (await api.get("/series/1")).json()["unit"] == ""  # remembered from here on
    changed = (await api.request("PATCH", "/series/1", json=given)).json()
    assert given.items() <= changed.items()
    assert changed["unit_sent"] == ""
    assert (await api.get("/series/1")).json() == changed
    assert (await api.get("/latest", id=1)).json()["items"][0]["unit"] == "°C"
    for q, found in (("flow", [1]), ("BOILER flow m0", [1]), ("plant-a flow", [1]), ("boiler flow m1", [])):
        assert [each["id"] for each in (await api.get("/series", q=q)).json()["items"]] == found, q
    assert (await api.request("PATCH", "/series/1", json={"unit": None})).json()["unit"] == ""
