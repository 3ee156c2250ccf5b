"""The schema comes to the same end from everywhere, and processes know whether it fits them."""

import threading
from typing import cast

import psycopg
import pytest
from alembic.script import ScriptDirectory
from psycopg.conninfo import make_conninfo

from sens.storage import migrate as migration
from sens.storage.connection import Connection, connect
from sens.storage.errors import DatabaseBusy, DatabaseDenied, SchemaMismatch
from sens.storage.kinds import StorageKind, detect_kind, storage_kind
from sens.storage.migrate import SchemaBehind, check_schema, current_revision, migrate, newest_revision

REVISIONS = [r.revision for r in ScriptDirectory.from_config(migration.alembic_config()).walk_revisions()]


def test_the_newest_revision_by_file_name_is_alembic_s_head():
    assert newest_revision() == ScriptDirectory.from_config(migration.alembic_config()).get_current_head()


def open_connection(url: str) -> Connection:
    return connect(url, application_name="test", autocommit=True)


def schema_of(url: str) -> list[tuple[object, ...]]:
    """Every table, column, constraint and index of ours, in words."""
    with open_connection(url) as connection:
        return connection.execute("""
            SELECT 'column', table_name, column_name, data_type, is_nullable, column_default
              FROM information_schema.columns WHERE table_schema = 'public'
            UNION ALL
            SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
              FROM pg_constraint WHERE connamespace = 'public'::regnamespace
            UNION ALL
            SELECT 'index', tablename, indexname, indexdef, '', '' FROM pg_indexes WHERE schemaname = 'public'
            UNION ALL
            SELECT 'relation', relname, relkind::text, array_to_string(reloptions, ','), '', ''
              FROM pg_class WHERE relnamespace = 'public'::regnamespace
            ORDER BY 1, 2, 3, 4
        """).fetchall()


def test_an_empty_database_gets_the_newest_schema_and_a_second_run_changes_nothing(empty_database_url: str) -> None:
    with open_connection(empty_database_url) as connection:
        assert current_revision(connection) is None
    assert migrate(empty_database_url) == newest_revision()
    first = schema_of(empty_database_url)
    assert migrate(empty_database_url) == newest_revision()
    assert schema_of(empty_database_url) == first
    with open_connection(empty_database_url) as connection:
        assert check_schema(connection) == newest_revision()
        assert storage_kind(connection) is detect_kind(connection)


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_schema_migrated_from_each_landed_revision_equals_a_fresh_one(
    empty_database_url: str, postgres_server: str, revision: str
) -> None:
    assert migrate(empty_database_url, revision) == revision
    assert migrate(empty_database_url) == newest_revision()
    migrated = schema_of(empty_database_url)
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute("CREATE DATABASE sens_test_fresh")
        try:
            fresh = make_conninfo(postgres_server, dbname="sens_test_fresh")
            migrate(fresh)
            assert schema_of(fresh) == migrated
        finally:
            server.execute("DROP DATABASE sens_test_fresh WITH (FORCE)")


def test_migrations_run_at_the_same_time_all_succeed(empty_database_url: str) -> None:
    results = list[str]()
    threads = [threading.Thread(target=lambda: results.append(migrate(empty_database_url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [newest_revision()] * 4


def test_an_older_build_on_a_newer_compatible_schema_leaves_it_alone(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with open_connection(empty_database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9000'")
        assert migrate(empty_database_url) == "9000"
        assert check_schema(connection) == "9000"


def test_a_schema_that_this_build_is_too_old_for_is_refused(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with open_connection(empty_database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9000'")
        connection.execute("UPDATE storage SET oldest_revision = '8999'")
        for check in (lambda: check_schema(connection), lambda: migrate(empty_database_url)):
            with pytest.raises(SchemaMismatch, match="update"):
                check()


def test_a_process_on_an_empty_database_waits_and_says_what_to_run(empty_database_url: str) -> None:
    with open_connection(empty_database_url) as connection:
        with pytest.raises(SchemaBehind, match="sens migrate"):
            check_schema(connection)
        with pytest.raises(SchemaMismatch, match="sens migrate"):
            storage_kind(connection)


def test_a_migration_that_cannot_get_its_lock_gives_up_and_leaves_nothing_half_done(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_connection(empty_database_url) as other:
        # Somebody creates the version table at the same time, and does not finish.
        with other.transaction(force_rollback=True):
            other.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
            with pytest.raises(DatabaseBusy):
                migrate(empty_database_url)
        assert current_revision(other) is None
    assert migrate(empty_database_url) == newest_revision()


def test_an_old_server_is_refused(empty_database_url: str) -> None:
    class Info:
        server_version = 140011

        def parameter_status(self, name: str) -> str:
            return "14.11"

    class Old:
        info = Info()

    with pytest.raises(DatabaseDenied, match=r"14\.11 is too old: use 15 or newer"):
        detect_kind(cast("Connection", Old()))


def test_timescale_is_used_where_the_server_has_it(empty_database_url: str) -> None:
    with open_connection(empty_database_url) as connection:
        offered = connection.execute("SELECT current_setting('timescaledb.disable_load', true)").fetchone() != (None,)
        migrate(empty_database_url)
        assert (storage_kind(connection) is not StorageKind.PLAIN) == offered
        if offered:
            tables = connection.execute("SELECT hypertable_name FROM timescaledb_information.hypertables").fetchall()
            assert sorted(tables) == [("reading",), ("reading_10m",), ("reading_text",)]
            jobs = connection.execute(
                "SELECT count(*) FROM timescaledb_information.jobs WHERE hypertable_name LIKE 'reading%'"
            ).fetchone()
            assert jobs == ((3,) if storage_kind(connection) is StorageKind.TIMESCALE else (0,))
