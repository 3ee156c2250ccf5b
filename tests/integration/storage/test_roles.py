"""What the database lets each role do: what `sens.storage.privileges` declares, and nothing else."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from database_roles import NAMES, make_migrated, url_as
from databases import fresh_database
from readings_database import MONDAY, at
from sens.storage.connection import connect
from sens.storage.errors import DatabaseDenied
from sens.storage.kinds import StorageKind, storage_kind
from sens.storage.migrate import migrate
from sens.storage.partitions import ensure_partitions
from sens.storage.privileges import FUNCTIONS, TABLES, Role
from servers import Postgres

PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")


@pytest.fixture(scope="module")
def granted_url(postgres_server: str) -> Iterator[str]:
    """The administrator's URL of a migrated database whose roles have their grants."""
    with fresh_database(postgres_server) as url:
        make_migrated(url)
        yield url


def tables_of(url: str) -> set[str]:
    with psycopg.connect(url) as admin:
        return {
            name
            for (name,) in admin.execute(
                "SELECT relname FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
                " AND NOT relispartition AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')"
            )
        }


def test_it_is_decided_for_every_table_what_each_role_may_do(granted_url: str) -> None:
    assert tables_of(granted_url) == set(TABLES)


def test_it_is_decided_for_every_function_who_may_call_it(granted_url: str) -> None:
    with psycopg.connect(granted_url) as admin:
        callers = {
            function: frozenset(role for role in set(Role) - {Role.OWNER} if NAMES[role] in names)
            for function, names in admin.execute(
                "SELECT proname, array_agg(rolname) FILTER (WHERE has_function_privilege(rolname, p.oid, 'EXECUTE'))"
                " FROM pg_proc p, pg_roles WHERE pronamespace = 'public'::regnamespace"
                " AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e') GROUP BY p.oid"
            )
        }
    assert callers == FUNCTIONS


def held(url: str, role: Role) -> dict[str, set[str]]:
    """For each table what the role holds on it, as the catalog tells: `UPDATE`, or `UPDATE(value)` of a column."""
    found = {table: set[str]() for table in TABLES}
    with psycopg.connect(url) as admin:
        for table, privilege in admin.execute(
            "SELECT c.relname, p FROM pg_class c, unnest(%s::text[]) p WHERE c.relname = ANY (%s)"
            " AND has_table_privilege(%s, c.oid, p)",
            (list(PRIVILEGES), list(TABLES), NAMES[role]),
        ):
            found[table].add(privilege)
        for table, column, privilege in admin.execute(
            "SELECT c.relname, a.attname, p FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0"
            " AND NOT attisdropped, unnest('{SELECT,INSERT,UPDATE,REFERENCES}'::text[]) p WHERE c.relname = ANY (%s)"
            " AND has_column_privilege(%s, c.oid, attnum, p) AND NOT has_table_privilege(%s, c.oid, p)",
            (list(TABLES), NAMES[role], NAMES[role]),
        ):
            found[table].add(f"{privilege}({column})")
    return found


def declared(text: str) -> set[str]:
    """`SELECT, UPDATE (a, b)` as `held` tells it."""
    parts = set[str]()
    for part in text.replace("), ", ")| ").replace(" (", "(").split("| "):
        plain, _, columns = part.partition("UPDATE(") if part.endswith(")") else (part, "", "")
        parts |= {each for each in plain.split(", ") if each}
        parts |= {f"UPDATE({column})" for column in columns.removesuffix(")").split(", ") if column}
    return parts


def test_writer_and_reader_hold_what_is_declared_and_nothing_else(granted_url: str) -> None:
    assert held(granted_url, Role.WRITER) == {name: declared(table.writer) for name, table in TABLES.items()}
    assert held(granted_url, Role.READER) == {name: declared(table.reader) for name, table in TABLES.items()}


def test_the_backup_s_role_reads_every_table_and_changes_none(granted_url: str) -> None:
    assert held(granted_url, Role.BACKUP) == {table: {"SELECT"} for table in TABLES}


def test_the_exporter_s_role_sees_no_table(granted_url: str) -> None:
    assert held(granted_url, Role.MONITOR) == {table: set() for table in TABLES}


def test_the_backup_s_role_can_dump_everything_also_partitions_made_since(granted_url: str, tmp_path: Path) -> None:
    with connect(url_as(Role.WRITER, granted_url), application_name="test", autocommit=True) as writer:
        ensure_partitions(writer, "reading", [MONDAY])
        writer.execute("INSERT INTO reading SELECT n, %s, n FROM generate_series(1, 9) n", (at(MONDAY),))
    with connect(url_as(Role.OWNER, granted_url), application_name="test", autocommit=True) as owner:
        if storage_kind(owner) is StorageKind.TIMESCALE:
            owner.execute("SELECT compress_chunk(c) FROM show_chunks('reading') c")
    pg_dump = Postgres(tmp_path).bin / "pg_dump"
    dump = subprocess.run([pg_dump, url_as(Role.BACKUP, granted_url)], capture_output=True, check=False)
    assert dump.returncode == 0, dump.stderr
    with psycopg.connect(url_as(Role.BACKUP, granted_url)) as backup:
        assert backup.execute("SELECT count(*) FROM reading").fetchone() == (9,)


def test_granting_again_changes_nothing_and_takes_back_what_is_not_declared(granted_url: str) -> None:
    before = {role: held(granted_url, role) for role in Role}
    with psycopg.connect(url_as(Role.OWNER, granted_url)) as owner:
        owner.execute(f"""GRANT DELETE ON reading TO "{NAMES[Role.READER].replace('"', '""')}" """.encode())
    assert held(granted_url, Role.READER) != before[Role.READER]
    for _ in range(2):
        migrate(url_as(Role.OWNER, granted_url), roles=NAMES)
        assert {role: held(granted_url, role) for role in Role} == before


def test_an_older_build_takes_nothing_back_that_a_newer_one_granted(granted_url: str) -> None:
    owner_url, before = url_as(Role.OWNER, granted_url), held(granted_url, Role.READER)
    with psycopg.connect(owner_url, autocommit=True) as owner:
        (revision,) = owner.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
        owner.execute(f"""GRANT DELETE ON reading TO "{NAMES[Role.READER].replace('"', '""')}" """.encode())
        owner.execute("UPDATE alembic_version SET version_num = '9000'")
        assert migrate(owner_url, roles=NAMES) == "9000"
        assert "DELETE" in held(granted_url, Role.READER)["reading"]
        owner.execute("UPDATE alembic_version SET version_num = %s", (revision,))
    migrate(owner_url, roles=NAMES)
    assert held(granted_url, Role.READER) == before


def test_who_does_not_own_the_schema_cannot_grant_and_is_told_so(granted_url: str) -> None:
    with pytest.raises(DatabaseDenied, match="the schema belongs to another role"):
        migrate(url_as(Role.READER, granted_url), roles={Role.WRITER: NAMES[Role.WRITER]})


@pytest.mark.parametrize("role", [Role.WRITER, Role.READER, Role.BACKUP, Role.MONITOR])
@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE reading",
        "TRUNCATE reading",
        "DELETE FROM reading",
        "ALTER TABLE reading ADD COLUMN x int",
        "CREATE TABLE mine (x int)",
        "UPDATE storage SET kind = 'plain'",
        "UPDATE alembic_version SET version_num = '9000'",
        "DELETE FROM audit",
        "UPDATE audit SET actor = 'somebody else'",
    ],
)
def test_nobody_but_the_owner(granted_url: str, role: Role, statement: str) -> None:
    refuse(granted_url, role, statement)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        (Role.WRITER, "SELECT FROM user_account"),
        (Role.WRITER, "INSERT INTO user_account (name, role) VALUES ('x', 'admin')"),
        (Role.WRITER, "SELECT FROM api_key"),
        (Role.WRITER, "INSERT INTO audit DEFAULT VALUES"),
        (Role.WRITER, "UPDATE device SET note = 'x'"),
        (Role.WRITER, "UPDATE quarantine SET payload = ''"),
        (Role.WRITER, "UPDATE reading SET time = now()"),
        (Role.READER, "SELECT make_partition('reading', '2026-01-05')"),
        (Role.READER, "SELECT drop_partition('reading', '2026-01-05')"),
        (Role.READER, "SELECT drop_chunks_before('reading', now())"),
        (Role.READER, "INSERT INTO reading VALUES (1, now(), 1)"),
        (Role.READER, "UPDATE reading SET value = 1"),
        (Role.READER, "INSERT INTO ledger DEFAULT VALUES"),
        (Role.READER, "DELETE FROM quarantine"),
        (Role.READER, "UPDATE quarantine SET payload = ''"),
        (Role.READER, "UPDATE device SET name = 'x'"),
        (Role.READER, "DELETE FROM api_key"),
        (Role.READER, "CREATE TEMPORARY TABLE x (y int)"),
        (Role.BACKUP, "UPDATE device SET note = 'x'"),
        (Role.BACKUP, "DELETE FROM user_session"),
    ],
)
def test_a_role_is_refused_what_is_another_s(granted_url: str, role: Role, statement: str) -> None:
    refuse(granted_url, role, statement)


def refuse(url: str, role: Role, statement: str) -> None:
    with (
        psycopg.connect(url_as(role, url)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    "call",
    [
        "make_partition('user_account', '2026-01-05')",
        "make_partition('reading', '2026-01-06')",
        "make_partition('reading_10m', '1970-01-12')",
        "drop_partition('user_account', '2026-01-05')",
        "drop_partition('reading', '2026-01-06')",
        "drop_chunks_before('user_account', now())",
        "drop_chunks_before('user_account; DROP TABLE audit', now())",
    ],
)
def test_the_owner_s_functions_reach_no_other_table_and_no_other_day(granted_url: str, call: str) -> None:
    with (
        psycopg.connect(url_as(Role.WRITER, granted_url)) as writer,
        pytest.raises(psycopg.errors.RaiseException, match=r"no (table|partition)"),
    ):
        writer.execute(f"SELECT {call}".encode())


def test_a_writer_s_temporary_table_is_not_taken_for_the_owner_s(granted_url: str) -> None:
    with connect(url_as(Role.WRITER, granted_url), application_name="test", autocommit=True) as writer:
        writer.execute("CREATE TEMPORARY TABLE reading (series_id int, time timestamptz, value float8, mine int)")
        ensure_partitions(writer, "reading", [0])
        columns = writer.execute(
            "SELECT DISTINCT attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE attnum > 0"
            " AND relname LIKE 'reading_p%'"
        ).fetchall()
    assert ("mine",) not in columns
