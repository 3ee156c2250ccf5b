"""Every endpoint × every role × another tenant: the table in `endpoints.py`, walked."""

import secrets
from dataclasses import dataclass

import httpx
import pytest

from api import KEYS, Api, assert_problem, insert_key, insert_user, open_session
from endpoints import ENDPOINTS, Endpoint
from readings_database import ReadingsDatabase
from sens.platform_api.app import openapi_document
from sens.platform_api.services import Services

SCOPES = ("read", "operate", "admin")
ROLES = {"viewer": "read", "operator": "operate", "admin": "admin"}
REFUSED = {401: "not-authenticated", 403: "scope-missing"}
# What tells that something is the other tenant's; a source that is only declared is of a third.
OF_HOME = ("boiler", "plant-a", "home", "victim", "plant-z", "default")
NO_TELEMETRY_WORKER = 503


@dataclass
class House:
    """The seeded data are tenant `home`'s, with a user and a key; `away` has nobody else's."""

    api: Api
    database: ReadingsDatabase
    ids: dict[str, int | str]
    away: int

    async def ask(self, endpoint: Endpoint, headers: dict[str, str]) -> httpx.Response:
        return await self.api.request(
            endpoint.method,
            endpoint.path.format(**self.ids),
            key=None,
            headers=headers,
            params={name: str(value).format(**self.ids) for name, value in endpoint.query.items()},
            json=endpoint.body,
        )

    def user(self, role: str, tenant_id: int | None = None) -> dict[str, str]:
        """A new user in a browser."""
        name = f"user-{secrets.token_hex(4)}"
        return open_session(self.database, insert_user(self.database, name, role, tenant_id=tenant_id))


@pytest.fixture
def house(api: Api, services: Services, database: ReadingsDatabase) -> House:
    services.stopping.set()  # a live stream ends as soon as it has begun
    home = database.one("SELECT id FROM tenant WHERE name = 'home'")
    away = database.one("INSERT INTO tenant (name) VALUES ('away') RETURNING id")
    ids: dict[str, int | str] = {
        "source": "plant-a",
        "device_id": 1,
        "series_id": 1,
        "quarantine_id": 1,
        "import_id": "0" * 32,
        "user_id": insert_user(database, "victim", "viewer", tenant_id=home),
        "key_id": insert_key(database, "victim-key", "sens_victim_" + "v" * 40, "read", tenant_id=home),
    }
    insert_user(database, "root", "admin")
    database.connection.execute(
        "INSERT INTO audit (tenant_id, actor_kind, actor_id, actor, action, object_kind, object_id, object, request_id)"
        " VALUES (%s, 'user', 1, 'victim', 'device.update', 'device', 1, 'boiler', 'x')",
        (home,),
    )
    return House(api, database, ids, away)


def test_every_endpoint_has_its_row():
    documented = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, methods in openapi_document()["paths"].items()
        for method in methods
    }
    assert {(row.method, row.path) for row in ENDPOINTS} == documented


def refusal(endpoint: Endpoint, scope: str, *, user: bool) -> int | None:
    """With what somebody of all tenants is refused; None: not at all."""
    if endpoint.needs == "nothing":
        return None
    if endpoint.needs == "session":
        return None if user else 401
    needed = "admin" if endpoint.needs == "platform" else endpoint.needs
    return None if SCOPES.index(scope) >= SCOPES.index(needed) else 403


def check(answer: httpx.Response, endpoint: Endpoint, refused: int | None) -> None:
    if refused is not None:
        assert_problem(answer, refused, REFUSED[refused])
    elif endpoint.needs != "nothing":
        assert answer.status_code not in REFUSED, f"{endpoint}: {answer.text}"
        assert answer.status_code < 500 or "replay" in endpoint.path, f"{endpoint}: {answer.text}"


async def test_without_a_key_or_a_session_nothing_is_told(house: House):
    for endpoint in ENDPOINTS:
        check(await house.ask(endpoint, {}), endpoint, None if endpoint.needs == "nothing" else 401)


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_key_opens_what_its_scope_says(house: House, scope: str):
    for endpoint in ENDPOINTS:
        answer = await house.ask(endpoint, {"X-API-Key": KEYS[scope]})
        check(answer, endpoint, refusal(endpoint, scope, user=False))


@pytest.mark.parametrize("role", ROLES)
async def test_a_user_may_do_what_the_role_says(house: House, role: str):
    for endpoint in ENDPOINTS:
        answer = await house.ask(endpoint, house.user(role))
        check(answer, endpoint, refusal(endpoint, ROLES[role], user=True))


async def test_a_write_with_the_cookie_needs_the_csrf_token(house: House):
    for endpoint in ENDPOINTS:
        headers = house.user("admin")
        for forged in ({"Cookie": headers["Cookie"]}, headers | {"X-CSRF-Token": "guess"}):
            answer = await house.ask(endpoint, forged)
            if endpoint.needs != "nothing" and endpoint.method != "GET":
                assert_problem(answer, 403, "csrf-token-missing")
            else:
                assert answer.status_code != 403


async def test_an_admin_of_a_tenant_does_all_but_run_the_platform(house: House):
    home = house.database.one("SELECT id FROM tenant WHERE name = 'home'")
    for endpoint in ENDPOINTS:
        check(
            await house.ask(endpoint, house.user("admin", home)),
            endpoint,
            403 if endpoint.needs == "platform" else None,
        )


@pytest.mark.parametrize("kind", ["user", "key"])
async def test_what_is_of_another_tenant_is_not_there(house: House, kind: str):
    before = everything(house.database)
    insert_key(house.database, "stranger", "sens_stranger" + "s" * 40, "admin", tenant_id=house.away)
    for endpoint in ENDPOINTS:
        stranger = {"X-API-Key": "sens_stranger" + "s" * 40} if kind == "key" else house.user("admin", house.away)
        if endpoint.foreign == "own":
            continue
        answer = await house.ask(endpoint, stranger)
        if endpoint.foreign == "absent":
            assert_problem(answer, 404, "not-found")
        elif endpoint.foreign == "refused":
            assert_problem(answer, 403, "scope-missing")
        else:
            assert answer.status_code == 200, f"{endpoint}: {answer.text}"
            assert [word for word in OF_HOME if word in answer.text] == [], f"{endpoint}: {answer.text}"
    assert everything(house.database) == before


def everything(database: ReadingsDatabase) -> list[object]:
    """All that a stranger must leave as it is."""
    return [
        database.connection.execute(query).fetchall()
        for query in (
            "SELECT * FROM device ORDER BY id",
            "SELECT * FROM series ORDER BY id",
            "SELECT * FROM quarantine ORDER BY id",
            "SELECT * FROM user_account WHERE name = 'victim'",
            "SELECT * FROM api_key WHERE name <> 'stranger' ORDER BY id",
            "SELECT * FROM audit",
        )
    ]


async def test_what_somebody_of_a_tenant_makes_is_of_that_tenant(house: House):
    stranger = house.user("admin", house.away)
    for path, made in (("/users", {"name": "a", "role": "admin"}), ("/api-keys", {"name": "b", "scope": "admin"})):
        for tenant in (None, "away"):
            body = made | {"name": f"{made['name']}-{tenant}".lower(), "tenant": tenant}
            answer = await house.api.request("POST", path, key=None, headers=stranger, json=body)
            assert answer.json()["tenant"] == "away"
        answer = await house.api.request("POST", path, key=None, headers=stranger, json=made | {"tenant": "home"})
        assert assert_problem(answer, 422, "invalid-request")["errors"][0]["location"] == "body.tenant"


async def test_a_replay_by_somebody_of_a_tenant_names_a_source(house: House):
    answer = await house.api.request(
        "POST", "/replay", key=None, headers=house.user("admin", house.away), json={"from": "now-1h"}
    )
    assert assert_problem(answer, 422, "invalid-request")["errors"][0]["location"] == "body.source"


async def test_a_declared_source_is_there_for_its_tenant_before_it_has_sent_anything(house: House):
    default = house.database.one("INSERT INTO tenant (name) VALUES ('default') RETURNING id")
    answer = await house.api.request("GET", "/sources", key=None, headers=house.user("viewer", default))
    assert [source["name"] for source in answer.json()["items"]] == ["plant-z"]
