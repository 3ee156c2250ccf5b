"""`sens migrate --create-roles`, then `sens migrate`: what a first installation runs, as it runs it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from command_line import Sens
from database_roles import LOGINS, NAMES, url_as
from sens.storage.connection import connect
from sens.storage.migrate import check_schema, newest_revision
from sens.storage.partitions import ensure_partitions
from sens.storage.privileges import Role
from servers import Postgres

ENVIRONMENT: dict[str, Any] = {
    **{f"SENS_DATABASE_{role.name}_ROLE": login.name for role, login in LOGINS.items()},
    **{f"SENS_DATABASE_{role.name}_PASSWORD": login.password for role, login in LOGINS.items()},
}
ROLES_ONLY: dict[str, Any] = {name: value for name, value in ENVIRONMENT.items() if name.endswith("_ROLE")}
DATABASE = 'the "platform"'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server that asks everybody but its administrator for a password, and logs every statement."""
    server = Postgres(Path(tmp_path_factory.mktemp("postgres")), ("fsync=off", "log_statement=all"))
    server.initialize()
    (server.data / "pg_hba.conf").write_text("host all postgres all trust\nhost all all all scram-sha-256\n")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def admin_url(server: Postgres) -> Iterator[str]:
    """Of a database that is not there, on a server without our roles; after the test it is so again."""
    yield make_conninfo(server.url(), dbname=DATABASE)
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"""DROP DATABASE IF EXISTS "{DATABASE.replace('"', '""')}" WITH (FORCE)""".encode())
        for name in [*NAMES.values(), "manager"]:
            admin.execute(f"""DROP ROLE IF EXISTS "{name.replace('"', '""')}" """.encode())


def can_log_in(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError as error:
        return not re.search("password authentication failed|permission denied for database", str(error))
    return True


def test_it_makes_roles_and_database_and_the_owner_migrates_for_all(tmp_path: Path, admin_url: str) -> None:
    sens = Sens(tmp_path)
    made = sens("migrate", "--create-roles", SENS_DATABASE_URL=admin_url, **ENVIRONMENT)
    assert made.returncode == 0, made.stderr
    migrated = sens("migrate", SENS_DATABASE_URL=url_as(Role.OWNER, admin_url), **ROLES_ONLY)
    assert migrated.returncode == 0, migrated.stderr
    for role in set(Role) - {Role.MONITOR}:
        waited = sens("migrate", "--wait", "--timeout", "5", SENS_DATABASE_URL=url_as(role, admin_url))
        assert waited.returncode == 0, waited.stderr
    with psycopg.connect(admin_url) as admin:
        owners = admin.execute(
            "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " UNION SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
            " UNION SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'public'"
        ).fetchall()
        assert owners == [(NAMES[Role.OWNER],)]
        assert admin.execute("SELECT version_num FROM alembic_version").fetchone() == (newest_revision(),)


def test_run_again_it_sets_the_passwords_anew(tmp_path: Path, admin_url: str) -> None:
    sens = Sens(tmp_path)
    assert sens("migrate", "--create-roles", SENS_DATABASE_URL=admin_url, **ENVIRONMENT).returncode == 0
    assert can_log_in(url_as(Role.WRITER, admin_url))
    rotated: dict[str, Any] = {**ENVIRONMENT, "SENS_DATABASE_WRITER_PASSWORD": "another"}
    assert sens("migrate", "--create-roles", SENS_DATABASE_URL=admin_url, **rotated).returncode == 0
    assert not can_log_in(url_as(Role.WRITER, admin_url))
    assert can_log_in(make_conninfo(url_as(Role.WRITER, admin_url), password="another"))
    assert can_log_in(url_as(Role.READER, admin_url))


def test_nobody_else_may_connect_to_the_database(tmp_path: Path, server: Postgres, admin_url: str) -> None:
    assert Sens(tmp_path)("migrate", "--create-roles", SENS_DATABASE_URL=admin_url, **ENVIRONMENT).returncode == 0
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("CREATE ROLE stranger LOGIN PASSWORD 'x'")
        try:
            assert can_log_in(make_conninfo(server.url(), user="stranger", password="x"))
            assert not can_log_in(make_conninfo(admin_url, user="stranger", password="x"))
        finally:
            admin.execute("DROP ROLE stranger")


def test_no_password_stands_in_any_log(tmp_path: Path, server: Postgres, admin_url: str) -> None:
    done = Sens(tmp_path)("migrate", "--create-roles", SENS_DATABASE_URL=admin_url, **ENVIRONMENT)
    assert done.returncode == 0
    logged = server.log_path.read_text() + done.stdout.decode() + done.stderr.decode()
    assert "ALTER ROLE" in logged
    for login in LOGINS.values():
        assert login.password not in logged
        assert login.password.replace("'", "''") not in logged


def test_an_administrator_who_is_no_superuser_is_enough(tmp_path: Path, server: Postgres, admin_url: str) -> None:
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("CREATE ROLE manager LOGIN CREATEDB CREATEROLE PASSWORD 'x'")
    url = make_conninfo(admin_url, user="manager", password="x")
    for _ in range(2):
        made = Sens(tmp_path)("migrate", "--create-roles", SENS_DATABASE_URL=url, **ENVIRONMENT)
        assert made.returncode == 0, made.stderr
        assert b"cannot watch the server's activity" in made.stderr  # pg_monitor is not theirs to give
    migrated = Sens(tmp_path)("migrate", SENS_DATABASE_URL=url_as(Role.OWNER, admin_url), **ROLES_ONLY)
    assert migrated.returncode == 0, migrated.stderr


def test_who_watches_the_server_reads_no_table(tmp_path: Path, admin_url: str) -> None:
    assert Sens(tmp_path)("migrate", "--create-roles", SENS_DATABASE_URL=admin_url, **ENVIRONMENT).returncode == 0
    migrated = Sens(tmp_path)("migrate", SENS_DATABASE_URL=url_as(Role.OWNER, admin_url), **ROLES_ONLY)
    assert migrated.returncode == 0, migrated.stderr
    may_monitor = "SELECT pg_has_role('pg_monitor', 'USAGE')"
    with psycopg.connect(url_as(Role.BACKUP, admin_url)) as backup:
        assert backup.execute(may_monitor).fetchone() == (False,)
    with psycopg.connect(url_as(Role.MONITOR, admin_url)) as monitor:
        assert monitor.execute(may_monitor).fetchone() == (True,)
        assert monitor.execute("SELECT pg_database_size(current_database()) > 0").fetchone() == (True,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            monitor.execute("SELECT FROM reading")


def test_what_is_missing_is_named_all_at_once(tmp_path: Path) -> None:
    some: dict[str, Any] = {
        "SENS_DATABASE_OWNER_ROLE": "o",
        "SENS_DATABASE_OWNER_PASSWORD": "o",
        "SENS_DATABASE_READER_ROLE": "r",
    }
    done = Sens(tmp_path)("migrate", "--create-roles", **some)
    assert done.returncode == 3
    assert b"set SENS_DATABASE_WRITER_ROLE, SENS_DATABASE_WRITER_PASSWORD, SENS_DATABASE_READER_PASSWORD" in done.stderr


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("postgres", "postgres is a superuser"), (NAMES[Role.OWNER], "each role needs a name of its own")],
)
def test_names_that_would_give_too_much_are_refused(tmp_path: Path, admin_url: str, name: str, sentence: str) -> None:
    given: dict[str, Any] = {**ENVIRONMENT, "SENS_DATABASE_READER_ROLE": name}
    done = Sens(tmp_path)("migrate", "--create-roles", SENS_DATABASE_URL=admin_url, **given)
    assert done.returncode == 3
    assert sentence in done.stderr.decode()


def test_a_role_that_is_not_there_is_named_and_nothing_is_migrated(tmp_path: Path, admin_url: str) -> None:
    sens = Sens(tmp_path)
    assert sens("migrate", "--create-roles", SENS_DATABASE_URL=admin_url, **ENVIRONMENT).returncode == 0
    given: dict[str, Any] = {**ROLES_ONLY, "SENS_DATABASE_READER_ROLE": "nobody"}
    done = sens("migrate", SENS_DATABASE_URL=url_as(Role.OWNER, admin_url), **given)
    assert done.returncode == 3
    assert "the server has no role nobody: run `sens migrate --create-roles`" in done.stderr.decode()
    with psycopg.connect(admin_url) as admin:
        assert admin.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,)


def test_a_schema_is_not_made_in_the_administrator_s_name(tmp_path: Path, admin_url: str) -> None:
    sens = Sens(tmp_path)
    assert sens("migrate", "--create-roles", SENS_DATABASE_URL=admin_url, **ENVIRONMENT).returncode == 0
    done = sens("migrate", SENS_DATABASE_URL=admin_url, **ROLES_ONLY)
    assert done.returncode == 3
    assert "connected as postgres, but the schema shall belong to" in done.stderr.decode()


def test_a_url_that_cannot_be_read_is_not_repeated(tmp_path: Path) -> None:
    done = Sens(tmp_path)("migrate", "--create-roles", SENS_DATABASE_URL="postgresql://a:secret@[", **ENVIRONMENT)
    assert done.returncode == 3
    assert b"the database URL cannot be read" in done.stderr
    assert b"secret" not in done.stderr


def test_to_wait_for_others_and_to_make_roles_are_two_commands(tmp_path: Path) -> None:
    done = Sens(tmp_path)("migrate", "--create-roles", "--wait")
    assert done.returncode == 2
    assert b"--wait, --create-roles, --status and --before-rollback do different things" in done.stderr


def test_the_role_that_owned_everything_stays_the_owner(tmp_path: Path, server: Postgres, admin_url: str) -> None:
    owner = LOGINS[Role.OWNER].name.replace('"', '""')
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"""CREATE ROLE "{owner}" LOGIN PASSWORD 'old'""".encode())
        admin.execute(f"""CREATE DATABASE "{DATABASE.replace('"', '""')}" OWNER "{owner}" """.encode())
    sens, old_url = Sens(tmp_path), make_conninfo(url_as(Role.OWNER, admin_url), password="old")
    assert sens("migrate", SENS_DATABASE_URL=old_url).returncode == 0
    with connect(old_url, application_name="test", autocommit=True) as before:
        ensure_partitions(before, "reading", [0])
    assert sens("migrate", "--create-roles", SENS_DATABASE_URL=admin_url, **ENVIRONMENT).returncode == 0
    migrated = sens("migrate", SENS_DATABASE_URL=url_as(Role.OWNER, admin_url), **ROLES_ONLY)
    assert migrated.returncode == 0, migrated.stderr
    with psycopg.connect(url_as(Role.WRITER, admin_url)) as writer:
        writer.execute("INSERT INTO reading VALUES (1, 'epoch', 1)")


def test_what_the_docs_have_an_administrator_run_by_hand_is_enough(tmp_path: Path, server: Postgres) -> None:
    page = (Path(__file__).parents[3] / "docs" / "database-roles.md").read_text()
    by_hand = re.findall("```sql\n(.*?)```", page, re.DOTALL)[0]
    on_the_server, in_the_database = by_hand.split("-- in that database:")
    names: dict[str, Any] = {f"SENS_DATABASE_{role.name}_ROLE": f"sens_{role.value}" for role in Role}
    urls = {role: make_conninfo(server.url("sens"), user=f"sens_{role.value}", password="…") for role in Role}
    with psycopg.connect(server.url(), autocommit=True) as admin:
        try:
            for statement in on_the_server.strip().splitlines():
                admin.execute(statement.encode())
            with psycopg.connect(server.url("sens")) as there:
                there.execute(re.sub("CREATE EXTENSION.*", "", in_the_database).encode())
            migrated = Sens(tmp_path)("migrate", SENS_DATABASE_URL=urls[Role.OWNER], **names)
            assert migrated.returncode == 0, migrated.stderr
            for role in set(Role) - {Role.MONITOR}:
                with connect(urls[role], application_name="test") as connection:
                    assert check_schema(connection) == newest_revision()
            with psycopg.connect(urls[Role.MONITOR]) as monitor:
                assert monitor.execute("SELECT pg_has_role('pg_monitor', 'USAGE')").fetchone() == (True,)
        finally:
            admin.execute("DROP DATABASE IF EXISTS sens WITH (FORCE)")
            admin.execute("DROP ROLE IF EXISTS sens_owner, sens_writer, sens_reader, sens_backup, sens_monitor")
