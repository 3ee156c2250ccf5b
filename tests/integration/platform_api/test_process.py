"""The process as it is deployed: settings, admin key, probes, drain."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from api import ApiProcess
from database_roles import make_migrated, make_roles, url_as
from readings_database import ReadingsDatabase
from sens.storage.privileges import Role
from servers import Nats

TOKENS = ("sens_first0123456" + "a" * 30, "sens_second012345" + "b" * 30)


@pytest.fixture
def process(tmp_path: Path, empty_database_url: str, nats_server: Nats) -> Iterator[ApiProcess]:
    make_roles(empty_database_url)
    process = ApiProcess(tmp_path, url_as(Role.READER, empty_database_url), nats_server.url)
    process.key_file.write_text(TOKENS[0] + "\n")
    yield process
    process.kill()


def eventually(get: Callable[[], httpx.Response], status: int) -> httpx.Response:
    """The first answer with that status; after 10 s the last one."""
    for _ in range(100):
        if get().status_code == status:
            break
        time.sleep(0.1)
    return get()


def test_the_process_serves_with_the_key_from_the_file_and_drains(process: ApiProcess, empty_database_url: str):
    make_migrated(empty_database_url)
    process.start()
    assert eventually(lambda: process.get("/api/v1/ledger", TOKENS[0]), 200).json()["total"]["balanced"] is True
    metrics = httpx.get(f"http://127.0.0.1:{process.ops_port}/metrics").text
    assert 'route="/api/v1/ledger",status="200"' in metrics
    assert process.stop() == 0
    assert TOKENS[0] not in process.log_tail(100_000)


def test_a_new_key_in_the_file_takes_the_place_of_the_old_one(process: ApiProcess, empty_database_url: str):
    make_migrated(empty_database_url)
    process.start()
    assert eventually(lambda: process.get("/api/v1/api-keys", TOKENS[0]), 200).status_code == 200
    process.stop()
    process.key_file.write_text(TOKENS[1])
    process.start()
    answer = eventually(lambda: process.get("/api/v1/api-keys", TOKENS[1]), 200)
    assert [(key["name"], key["prefix"]) for key in answer.json()["items"]] == [("admin", "second012345")]
    assert process.get("/api/v1/api-keys", TOKENS[0]).status_code == 401


def test_it_starts_before_its_schema_and_waits_for_it(process: ApiProcess, empty_database_url: str):
    process.spawn()
    unready = eventually(lambda: get_when_up(process), 503)
    assert "sens migrate" in unready.json()["checks"]["postgresql"]["reason"]
    assert process.get("/api/v1/devices", TOKENS[0]).status_code == 503
    make_migrated(empty_database_url)
    ReadingsDatabase(empty_database_url).close()
    assert eventually(lambda: process.get("/api/v1/devices", TOKENS[0]), 200).json()["items"][0]["name"] == "boiler"


def get_when_up(process: ApiProcess) -> httpx.Response:
    try:
        return process.get("/readyz", None)
    except httpx.TransportError:
        return httpx.Response(0)


def test_a_file_without_a_key_ends_the_process_with_advice(process: ApiProcess):
    process.key_file.write_text("hunter2hunter2")
    ended = subprocess.run(
        process.command(), check=False, env=process.environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 3
    assert "SENS_ADMIN_API_KEY_FILE" in ended.stderr
    assert "hunter2" not in ended.stderr
