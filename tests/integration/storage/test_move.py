"""A database moves to another one by dump and restore, as docs/kubernetes.md tells, and what runs on it goes on."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from database_roles import NAMES, make_migrated, make_roles, url_as
from databases import fresh_database
from readings_database import BUCKET, MONDAY, ReadingsDatabase, at
from sens.storage.connection import connect
from sens.storage.kinds import StorageKind, storage_kind
from sens.storage.migrate import check_schema, migrate
from sens.storage.partitions import ensure_partitions
from sens.storage.privileges import Role
from servers import Postgres

DOCS = Path(__file__).resolve().parents[3] / "docs" / "kubernetes.md"
WEEK = 7 * 24 * 6 * BUCKET


@pytest.fixture
def old_url(postgres_server: str) -> Iterator[str]:
    """The administrator's URL of a database with readings of two weeks, one in columns if the server has those."""
    with fresh_database(postgres_server) as url:
        make_migrated(url)
        ReadingsDatabase(url).close()
        _store(url, MONDAY)
        with connect(url_as(Role.OWNER, url), application_name="test", autocommit=True) as owner:
            if storage_kind(owner) is StorageKind.TIMESCALE:
                owner.execute("SELECT compress_chunk(c) FROM show_chunks('reading') c")
        _store(url, MONDAY + WEEK)
        yield url


def test_what_was_dumped_is_restored_elsewhere_and_goes_on(old_url: str, postgres_server: str, tmp_path: Path) -> None:
    before = _everything(old_url)
    with fresh_database(postgres_server) as url:
        make_roles(url)
        _move(old_url, url, tmp_path)
        migrate(url_as(Role.OWNER, url), roles=NAMES)
        assert _everything(url) == before
        with connect(url_as(Role.READER, url), application_name="test") as reader:
            check_schema(reader)
        _store(url, MONDAY + 2 * WEEK)
        with psycopg.connect(url_as(Role.READER, url)) as reader:
            assert reader.execute(
                "SELECT count(*), count(DISTINCT date_bin('7 d', time, '2026-01-05Z')) FROM reading"
            ).fetchone() == (27, 3)


def _store(url: str, time: int) -> None:
    """Nine readings, as the telemetry worker does it."""
    with connect(url_as(Role.WRITER, url), application_name="test", autocommit=True) as writer:
        ensure_partitions(writer, "reading", [time])
        writer.execute(
            "INSERT INTO reading (series_id, time, value) SELECT n, %s, n FROM generate_series(1, 9) n", (at(time),)
        )


def _move(old: str, new: str, folder: Path) -> None:
    """By the lines in the docs, as they stand there but for the names of servers."""
    with psycopg.connect(new) as admin:
        timescale = admin.execute("SELECT FROM pg_extension WHERE extname = 'timescaledb'").fetchone() is not None
    blocks = [each.partition("```")[0] for each in DOCS.read_text().split("```sh\n")[1:] if "pg_restore" in each]
    (commands,) = [each for each in blocks if "pg_restore" in each and ("pre_restore" in each) is timescale]
    urls = {
        "host=localhost port=5433 dbname=sens user=sens_backup": url_as(Role.BACKUP, old),
        "host=OLD dbname=sens user=sens_backup": url_as(Role.BACKUP, old),
        "host=NEW dbname=sens user=sens_owner": url_as(Role.OWNER, new),
        "host=NEW dbname=sens user=postgres": new,
    }
    environment = {"PATH": f"{Postgres(folder).bin}:{os.environ['PATH']}"}
    for number, (documented, url) in enumerate(urls.items()):
        commands = commands.replace(documented, f"$URL_{number}")
        environment[f"URL_{number}"] = url
    done = subprocess.run(
        ["bash", "-euc", commands],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _everything(url: str) -> dict[str, str]:
    """A sum of all rows of each table, and how far each sequence has come."""
    with psycopg.connect(url) as admin:
        relations = admin.execute(
            "SELECT relname, relkind = 'S' FROM pg_class c WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p', 'S')"
            " AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')"
        ).fetchall()
        rows = "count(*) || md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), ''))"
        return {name: _value(admin, name, "last_value::text" if counts else rows) for name, counts in relations}


def _value(admin: psycopg.Connection, relation: str, what: str) -> str:
    row = admin.execute(f'SELECT {what} FROM "{relation}" t'.encode()).fetchone()
    assert row
    return row[0]
