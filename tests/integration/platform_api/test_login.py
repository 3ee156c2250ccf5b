"""Logging in and out: sessions, links that work once, the first admin."""

import asyncio
import hashlib
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from api import KEYS, Api, assert_problem, insert_user, open_session
from readings_database import ReadingsDatabase
from sens.platform_api import keys, throttle
from sens.platform_api.app import make_app
from sens.platform_api.services import Services
from sens.platform_api.setup_token import SetupToken

PASSWORD = "correct horse battery"
NEW_PASSWORD = "staple battery horse"
SETUP_TOKEN = "setup-token-of-a-test"


@pytest.fixture
def ann(database: ReadingsDatabase) -> int:
    return insert_user(database, "ann", "admin", password=PASSWORD)


class Browser:
    """Keeps cookies, and sends the CSRF token once it is logged in."""

    def __init__(self, services: Services) -> None:
        transport = httpx.ASGITransport(make_app(services), raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://api/api/v1")

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.client.request(method, path, json=body)

    async def log_in(self, password: str = PASSWORD, username: str = "ann") -> httpx.Response:
        return await self.opened(await self.ask("POST", "/session", {"username": username, "password": password}))

    async def opened(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_success and answer.json()["csrf_token"]:
            self.client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        return answer

    async def is_in(self) -> bool:
        return (await self.ask("GET", "/session")).status_code == 200


@pytest.fixture
def browser(services: Services) -> Browser:
    return Browser(services)


async def test_a_user_logs_in_works_and_logs_out(browser: Browser, ann: int):
    assert_problem(await browser.ask("GET", "/session"), 401, "not-authenticated")
    answer = await browser.log_in()
    assert answer.json()["user"] == {"id": ann, "name": "ann", "role": "admin", "tenant": None}
    assert (await browser.ask("GET", "/session")).json() == answer.json()
    assert (await browser.ask("GET", "/devices")).status_code == 200
    assert (await browser.ask("POST", "/users", {"name": "bob", "role": "viewer"})).status_code == 201
    cookie = browser.client.cookies["sens_session"]
    assert (await browser.ask("DELETE", "/session")).status_code == 204
    assert "sens_session" not in browser.client.cookies
    browser.client.cookies["sens_session"] = cookie
    assert not await browser.is_in()


async def test_the_cookie_is_for_this_site_and_no_script_and_for_https_where_there_is_https(browser: Browser, ann: int):
    plain = (await browser.log_in()).headers["set-cookie"]
    assert all(part in plain for part in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age="))
    assert "Secure" not in plain
    browser.client.headers["X-Forwarded-Proto"] = "https"
    assert "Secure" in (await browser.log_in()).headers["set-cookie"]


async def test_of_what_opens_a_session_only_hashes_are_kept(browser: Browser, ann: int, database: ReadingsDatabase):
    await browser.log_in()
    [kept] = database.connection.execute("SELECT * FROM user_session").fetchall()
    assert browser.client.cookies["sens_session"] not in str(kept)
    assert (
        database.one("SELECT token_hash FROM user_session")
        == hashlib.sha256(browser.client.cookies["sens_session"].encode()).digest()
    )


async def test_a_wrong_password_and_an_unknown_user_are_answered_alike(
    browser: Browser, ann: int, database: ReadingsDatabase
):
    insert_user(database, "gone", "viewer", password=PASSWORD)
    database.connection.execute("UPDATE user_account SET disabled = true WHERE name = 'gone'")
    insert_user(database, "linked", "viewer")
    told = [
        assert_problem(await browser.log_in(password, name), 401, "login-refused")
        for name, password in (("ann", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD), ("linked", ""), ("\0", "x"))
    ]
    assert {(problem["title"], problem["detail"]) for problem in told} == {(told[0]["title"], told[0]["detail"])}


async def test_a_password_kept_with_weaker_parameters_is_hashed_anew_at_login(
    browser: Browser, ann: int, database: ReadingsDatabase
):
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    database.connection.execute("UPDATE user_account SET password_hash = %s", (weak,))
    for _ in range(2):
        assert (await browser.log_in()).status_code == 200
    assert "$m=16," in database.one("SELECT password_hash FROM user_account")


async def test_who_guesses_has_to_wait(browser: Browser, ann: int):
    for _ in range(throttle.PER_USER):
        assert_problem(await browser.log_in("wrong"), 401, "login-refused")
    answer = await browser.log_in()
    assert_problem(answer, 429, "too-many-logins")
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_session_ends_by_age_or_without_use(api: Api, ann: int, database: ReadingsDatabase):
    for column in ("expires_at = now()", "seen_at = now() - interval '4 days'"):
        headers = open_session(database, ann)
        assert (await api.request("GET", "/session", key=None, headers=headers)).status_code == 200
        other = open_session(database, ann)
        database.connection.execute(f"UPDATE user_session SET {column}".encode())
        assert_problem(await api.request("GET", "/session", key=None, headers=other), 401, "not-authenticated")


async def test_a_session_that_is_used_goes_on_and_what_has_ended_is_swept_up(
    browser: Browser, api: Api, ann: int, database: ReadingsDatabase
):
    headers = open_session(database, ann)
    database.connection.execute("UPDATE user_session SET seen_at = now() - interval '2 days'")
    assert (await api.request("GET", "/devices", key=None, headers=headers)).status_code == 200
    assert database.one("SELECT seen_at > now() - interval '1 minute' FROM user_session") is True
    database.connection.execute("UPDATE user_session SET expires_at = now()")
    await browser.log_in()
    assert database.one("SELECT count(*) FROM user_session") == 1


async def test_a_new_password_ends_the_other_sessions(services: Services, ann: int):
    here, elsewhere = Browser(services), Browser(services)
    await here.log_in()
    await elsewhere.log_in()
    assert await elsewhere.is_in()
    wrong = await here.ask("POST", "/session/password", {"current_password": "wrong", "new_password": NEW_PASSWORD})
    assert_problem(wrong, 401, "login-refused")
    short = await here.ask("POST", "/session/password", {"current_password": PASSWORD, "new_password": "short"})
    assert assert_problem(short, 422, "invalid-request")["errors"][0]["location"] == "body.new_password"
    assert "short" not in short.text.replace("shorter", "")
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await here.ask("POST", "/session/password", body)).status_code == 204
    assert await here.is_in()
    assert not await elsewhere.is_in()
    assert_problem(await elsewhere.log_in(), 401, "login-refused")
    assert (await elsewhere.log_in(NEW_PASSWORD)).status_code == 200


@pytest.mark.parametrize("change", [{"disabled": True}, {"password": NEW_PASSWORD}])
async def test_a_user_whom_an_admin_disables_or_gives_a_password_is_logged_out(
    services: Services, api: Api, database: ReadingsDatabase, change: dict[str, Any]
):
    bob = insert_user(database, "bob", "viewer", password=PASSWORD)
    browser = Browser(services)
    await browser.log_in(username="bob")
    assert (await api.request("PATCH", f"/users/{bob}", json=change)).status_code == 200
    assert not await browser.is_in()


async def test_a_role_that_was_lowered_elsewhere_counts_within_seconds(
    browser: Browser, ann: int, database: ReadingsDatabase, monkeypatch: pytest.MonkeyPatch
):
    now = [0.0]
    monkeypatch.setattr("sens.platform_api.sessions.time.monotonic", lambda: now[0])
    await browser.log_in()
    assert (await browser.ask("GET", "/users")).status_code == 200
    database.connection.execute("UPDATE user_account SET role = 'viewer'")
    now[0] = keys.TRUSTED_S + 0.1
    assert_problem(await browser.ask("GET", "/users"), 403, "scope-missing")


async def test_a_link_logs_in_once(browser: Browser, api: Api, ann: int):
    link = (await api.request("POST", "/login-links", json={"username": "ann"})).json()
    assert link["path"].startswith("/login#token=")
    token = link["path"].removeprefix("/login#token=")
    answer = await browser.opened(await browser.ask("POST", "/session", {"token": token}))
    assert answer.json()["user"]["name"] == "ann"
    assert await browser.is_in()
    assert_problem(await browser.ask("POST", "/session", {"token": token}), 401, "login-refused")


async def test_two_who_open_the_same_link_at_once_do_not_both_get_in(services: Services, api: Api, ann: int):
    token = (await api.request("POST", "/login-links", json={})).json()["path"].removeprefix("/login#token=")
    answers = await asyncio.gather(*(Browser(services).ask("POST", "/session", {"token": token}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


async def test_a_link_that_is_old_or_whose_user_is_disabled_opens_nothing(
    browser: Browser, api: Api, ann: int, database: ReadingsDatabase
):
    for change in ("UPDATE login_token SET expires_at = now()", "UPDATE user_account SET disabled = true"):
        link = (await api.request("POST", "/login-links", json={"username": "ann"})).json()
        database.connection.execute(change.encode())
        token = link["path"].removeprefix("/login#token=")
        assert_problem(await browser.ask("POST", "/session", {"token": token}), 401, "login-refused")


async def test_a_link_for_nobody_in_particular_makes_an_admin_where_there_is_none(
    browser: Browser, api: Api, database: ReadingsDatabase
):
    insert_user(database, "bob", "viewer")
    _, link = [(await api.request("POST", "/login-links", json={})).json() for _ in range(2)]
    assert link["username"] == "admin"
    token = link["path"].removeprefix("/login#token=")
    await browser.opened(await browser.ask("POST", "/session", {"token": token}))
    # Without a password there is none to give.
    assert (await browser.ask("POST", "/session/password", {"new_password": PASSWORD})).status_code == 204
    await browser.ask("DELETE", "/session")
    assert (await browser.log_in(username="admin")).json()["user"]["role"] == "admin"


async def test_a_link_for_whom_there_is_not_is_refused(api: Api, database: ReadingsDatabase):
    assert_problem(await api.request("POST", "/login-links", json={"username": "nobody"}), 404, "not-found")
    insert_user(database, "admin", "viewer")
    assert_problem(await api.request("POST", "/login-links", json={}), 409, "name-taken")


async def test_whoever_has_the_setup_token_makes_the_first_admin_and_only_the_first(
    browser: Browser, services: Services, database: ReadingsDatabase
):
    body = {"token": SETUP_TOKEN, "username": "ann", "password": PASSWORD}
    assert_problem(await browser.ask("POST", "/setup", body), 401, "login-refused")
    services.setup_token = SetupToken(SETUP_TOKEN)
    assert_problem(await browser.ask("POST", "/setup", body | {"token": "x"}), 401, "login-refused")
    asked = (await browser.ask("POST", "/session", {"token": SETUP_TOKEN})).json()
    assert (asked["user"], asked["setup_required"]) == (None, True)
    assert (await browser.opened(await browser.ask("POST", "/setup", body))).json()["user"]["name"] == "ann"
    assert await browser.is_in()
    again = await browser.ask("POST", "/setup", body | {"username": "eve"})
    assert_problem(again, 409, "setup-closed")
    assert_problem(await browser.ask("POST", "/session", {"token": SETUP_TOKEN}), 401, "login-refused")
    database.connection.execute("UPDATE user_account SET role = 'viewer'")
    assert_problem(await browser.ask("POST", "/setup", body), 409, "name-taken")


async def test_of_many_who_set_up_at_once_one_becomes_admin(services: Services, database: ReadingsDatabase):
    services.setup_token = SetupToken(SETUP_TOKEN)
    bodies = [{"token": SETUP_TOKEN, "username": f"u{n}", "password": PASSWORD} for n in range(3)]
    answers = await asyncio.gather(*(Browser(services).ask("POST", "/setup", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert database.one("SELECT count(*) FROM user_account") == 1


async def test_a_key_goes_before_the_cookie(api: Api, ann: int, database: ReadingsDatabase):
    headers = open_session(database, ann) | {"X-API-Key": KEYS["read"]}
    assert_problem(await api.request("GET", "/users", key=None, headers=headers), 403, "scope-missing")
    headers["X-API-Key"] = "sens_" + "x" * 40
    assert_problem(await api.request("GET", "/devices", key=None, headers=headers), 401, "not-authenticated")


async def test_a_live_stream_ends_with_the_session(
    services: Services, ann: int, database: ReadingsDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sens.platform_api.live.events.HEARTBEAT_S", 0.0)
    monkeypatch.setattr("sens.platform_api.sessions.TRUSTED_S", 0.0)
    browser = Browser(services)
    await browser.log_in()
    streaming = asyncio.create_task(browser.ask("GET", "/live"))
    while not services.live.streams:  # noqa: ASYNC110  # a number, no event
        await asyncio.sleep(0.01)
    database.connection.execute("DELETE FROM user_session")
    assert (await asyncio.wait_for(streaming, 30)).status_code == 200
