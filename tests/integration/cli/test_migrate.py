"""`sens migrate` as a cluster uses it: one migrates, the others wait until it has."""

import json
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from command_line import Sens
from sens.storage.migrate import migrate, newest_revision
from servers import free_port


class Waiting:
    """A `sens migrate --wait` beside the test."""

    def __init__(self, folder: Path, url: str) -> None:
        self._process: subprocess.Popen[bytes] = Sens(folder).start(
            "migrate", "--wait", "--timeout", "60", SENS_DATABASE_URL=url, SENS_LOG_FORMAT="json"
        )
        assert self._process.stderr is not None
        self._said = self._process.stderr

    def reason(self) -> str:
        """What it waits for next."""
        line: dict[str, Any] = json.loads(self._said.readline())
        assert line["event"] == "waiting", line
        return line["reason"]

    def end(self) -> tuple[int, str]:
        """Exit code and the last line."""
        _, rest = self._process.communicate(timeout=60)
        return self._process.returncode, rest.decode().strip().splitlines()[-1]


def test_it_waits_for_the_migration_and_says_so(tmp_path: Path, empty_database_url: str) -> None:
    waiting = Waiting(tmp_path, empty_database_url)
    assert "the database has no schema" in waiting.reason()
    migrate(empty_database_url)
    code, last = waiting.end()
    assert code == 0
    assert json.loads(last) | {"event": "schema_ready", "revision": newest_revision()} == json.loads(last)


def test_it_waits_for_a_role_that_is_not_there_yet(tmp_path: Path, empty_database_url: str) -> None:
    migrate(empty_database_url)
    name = f"late_{free_port()}"
    waiting = Waiting(tmp_path, make_conninfo(empty_database_url, user=name))
    assert name in waiting.reason()
    role = sql.Identifier(name)
    with psycopg.connect(empty_database_url, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
        try:
            assert "permission denied" in waiting.reason()
            owner.execute(sql.SQL("GRANT SELECT ON alembic_version, storage TO {}").format(role))
            assert waiting.end()[0] == 0
        finally:
            owner.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(role))


def test_a_schema_too_new_for_this_build_ends_it_at_once(tmp_path: Path, empty_database_url: str) -> None:
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url, autocommit=True) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '9000'")
        owner.execute("UPDATE storage SET oldest_revision = '8999'")
    done = Sens(tmp_path)("migrate", "--wait", "--timeout", "600", SENS_DATABASE_URL=empty_database_url)
    assert done.returncode == 3
    assert b"schema revision 9000 needs a build that knows 8999" in done.stderr


def test_before_a_rollback_it_tells_which_builds_work_with_the_schema(tmp_path: Path, empty_database_url: str) -> None:
    def status() -> dict[str, Any]:
        done = Sens(tmp_path)("migrate", "--status", SENS_DATABASE_URL=empty_database_url)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    known = newest_revision()
    assert status() == {"revision": None, "oldest_revision": None, "this_build": known}
    migrate(empty_database_url)
    made = status()
    assert (made["revision"], made["this_build"]) == (known, known)
    assert "0001" <= made["oldest_revision"] <= known
    with psycopg.connect(empty_database_url, autocommit=True) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '9000'")
        owner.execute("UPDATE storage SET oldest_revision = '8999'")
    assert status() == {"revision": "9000", "oldest_revision": "8999", "this_build": known}


def test_going_back_is_refused_to_a_build_that_the_schema_is_too_new_for(
    tmp_path: Path, empty_database_url: str
) -> None:
    def ask(url: str = empty_database_url) -> tuple[int, bytes]:
        done = Sens(tmp_path)("migrate", "--before-rollback", "--timeout", "0.5", SENS_DATABASE_URL=url)
        return done.returncode, done.stderr

    nobody = make_conninfo(empty_database_url, user="nobody_at_all")
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    for url, why in {empty_database_url: b"no schema", nobody: b"nobody_at_all", away: b"refused"}.items():
        code, said = ask(url)
        assert code == 0
        assert b"rollback_not_refused" in said
        assert why in said
    migrate(empty_database_url)
    assert ask()[0] == 0
    with psycopg.connect(empty_database_url, autocommit=True) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '9000'")
        assert ask()[0] == 0
        owner.execute("UPDATE storage SET oldest_revision = '8999'")
    code, said = ask()
    assert code == 3
    assert b"schema revision 9000 needs a build that knows 8999" in said


@pytest.mark.parametrize("wait", [["--wait"], []])
def test_a_database_that_stays_away_is_given_up_in_time(tmp_path: Path, wait: list[str]) -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    done = Sens(tmp_path)("migrate", *wait, "--timeout", "0.5", SENS_DATABASE_URL=url)
    assert done.returncode == 4
    assert b"Connection refused" in done.stderr
