"""A seeded database for the API, and a client that asks the application."""

import hashlib
import os
import secrets
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher

from database_roles import make_migrated
from readings_database import BUCKET, MONDAY, ReadingsDatabase, at
from sens.storage.partitions import ensure_partitions
from servers import Process, free_port

KEYS = {scope: f"sens_{scope}_" + "k" * 40 for scope in ("read", "operate", "admin")}
CONFIG = """
sources:
  - name: plant-a
    broker: mqtt://127.0.0.1:1883
    topics: [{topic: "sens/{device}/telemetry", decoder: json}]
  - name: plant-z
    broker: mqtt://127.0.0.1:1883
    topics: [{topic: "other/{device}/telemetry", decoder: json}]
"""
QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=16, parallelism=1)
# The stream is the session's; tests that write to it take names of their own.
NO_STREAM = "SENS_TEST_NONE"


def insert_key(
    database: ReadingsDatabase,
    name: str,
    token: str,
    scope: str,
    expires_at: int | None = None,
    tenant_id: int | None = None,
) -> int:
    return database.one(
        "INSERT INTO api_key (name, prefix, key_hash, scope, expires_at, tenant_id)"
        " VALUES (%s, %s, %s, %s, %s, %s) RETURNING id",
        name,
        token.removeprefix("sens_")[:12],
        hashlib.sha256(token.encode()).hexdigest(),
        scope,
        None if expires_at is None else at(expires_at),
        tenant_id,
    )


def seed(database: ReadingsDatabase) -> None:
    """Numbers in series 1, a boolean's in 2, a text in 4; latest values, quarantine, overflow, three keys."""
    one, two, _ = database.series
    database.write([(one, MONDAY + n * BUCKET // 10, float(n)) for n in range(600)] + [(two, MONDAY, 1.0)])
    database.one("UPDATE series SET kind = 1 WHERE id = %s RETURNING id", two)
    text = database.one("INSERT INTO series (device_id, metric, kind) VALUES (1, 'mode', 2) RETURNING id")
    ensure_partitions(database.connection, "reading_text", [MONDAY])
    database.connection.execute("INSERT INTO reading_text VALUES (%s, %s, 'on')", (text, at(MONDAY)))
    database.connection.execute(
        "INSERT INTO series_latest VALUES (%s, %s, 599, NULL), (%s, now(), NULL, 'on')",
        (one, at(MONDAY + 599 * BUCKET // 10), text),
    )
    for position, reason in enumerate(["no_route", "invalid_syntax", "conflict"]):
        database.connection.execute(
            "INSERT INTO quarantine (source_id, envelope_id, position, received_at, topic, payload, reason, detail)"
            " VALUES (%s, gen_random_uuid(), %s, %s, %s, %s, %s, 'why')",
            (database.source_id, position, at(MONDAY), b"a/\xff", b"\xff" if position else b"{}", reason),
        )
    database.connection.execute(
        "INSERT INTO quarantine_overflow VALUES (%s, 'no_route', 'a/b', 7, %s, %s, 'x')",
        (database.source_id, at(MONDAY), at(MONDAY + 5)),
    )
    for scope, token in KEYS.items():
        insert_key(database, scope, token, scope)


def make_seeded(url: str) -> None:
    """Of an empty database: the template of most tests of the API."""
    make_migrated(url)
    with closing(ReadingsDatabase(url)) as database:
        seed(database)


def insert_user(
    database: ReadingsDatabase, name: str, role: str, *, password: str | None = None, tenant_id: int | None = None
) -> int:
    return database.one(
        "INSERT INTO user_account (name, role, password_hash, tenant_id) VALUES (%s, %s, %s, %s) RETURNING id",
        name,
        role,
        None if password is None else QUICK_HASHER.hash(password),
        tenant_id,
    )


def open_session(database: ReadingsDatabase, user_id: int) -> dict[str, str]:
    """The headers of a browser in which the user is logged in."""
    token = secrets.token_hex(16)
    database.connection.execute(
        "INSERT INTO user_session (token_hash, user_id, csrf_token, expires_at)"
        " VALUES (%s, %s, 'csrf', now() + interval '1 hour')",
        (hashlib.sha256(token.encode()).digest(), user_id),
    )
    return {"Cookie": f"sens_session={token}", "X-CSRF-Token": "csrf"}


@dataclass
class Api:
    """Asks the application, with the admin's key unless told otherwise."""

    client: httpx.AsyncClient

    async def get(self, path: str, *, key: str | None = KEYS["admin"], **parameters: Any) -> httpx.Response:
        return await self.request("GET", path, key=key, params=parameters)

    async def request(
        self, method: str, path: str, *, key: str | None = KEYS["admin"], **options: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        path = path if path in ("/healthz", "/readyz", "/version") else f"/api/v1{path}"
        return await self.client.request(method, path, headers=headers | options.pop("headers", {}), **options)


def assert_problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """The answer's body, which is a problem of that kind."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"urn:sens:problem:{slug}", problem
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


class ApiProcess(Process):
    """`sens platform-api`."""

    def __init__(self, folder: Path, database_url: str, nats_url: str, **more: str) -> None:
        super().__init__(folder, "platform-api")
        self.port, self.ops_port = free_port(), free_port()
        self.key_file = folder / "admin-api-key"
        (folder / "sens.yaml").write_text(CONFIG)
        self.environment = {
            **os.environ,
            "SENS_CONFIG": str(folder / "sens.yaml"),
            "SENS_DATABASE_URL": database_url,
            "SENS_NATS_URL": nats_url,
            "SENS_API_PORT": str(self.port),
            "SENS_OPS_PORT": str(self.ops_port),
            "SENS_ADMIN_API_KEY_FILE": str(self.key_file),
            **more,
        }

    def command(self) -> list[str]:
        return [sys.executable, "-m", "sens", "platform-api"]

    def ready(self) -> bool:
        try:
            return self.get("/readyz", None).status_code == 200
        except httpx.TransportError:
            return False

    def get(self, path: str, key: str | None) -> httpx.Response:
        headers = {"X-API-Key": key} if key else {}
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=headers)
