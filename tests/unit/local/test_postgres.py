import os
from pathlib import Path

import pytest

from sens.domain.errors import Fatal
from sens.local import postgres
from sens.local.data_dir import DataDir
from sens.local.part import Part
from sens.local.postgres import EmbeddedPostgres


def prepare(part: Part) -> None:
    assert part.prepare is not None
    part.prepare()


@pytest.fixture
def made(tmp_path: Path) -> Path:
    cluster = tmp_path / "postgres"
    cluster.mkdir()
    (cluster / "PG_VERSION").write_text("18\n")
    return cluster


def test_the_url_that_is_shown_holds_no_password(tmp_path: Path):
    server = EmbeddedPostgres(DataDir(tmp_path), 5432)
    secret = (tmp_path / "postgres-password").read_text().strip()
    assert secret in server.url
    assert secret not in server.part().url
    assert not any(secret in word for word in server.part().command)


def test_data_of_another_major_version_are_left_alone(tmp_path: Path, made: Path):
    (made / "PG_VERSION").write_text("17\n")
    with pytest.raises(Fatal, match="written by PostgreSQL 17"):
        prepare(EmbeddedPostgres(DataDir(tmp_path), 5432).part())
    assert (made / "PG_VERSION").read_text() == "17\n"


def test_a_pid_file_whose_pid_is_another_programs_is_removed(tmp_path: Path, made: Path):
    (made / "postmaster.pid").write_text(f"{os.getpid()}\n{made}\n")
    prepare(EmbeddedPostgres(DataDir(tmp_path), 5432).part())
    assert not (made / "postmaster.pid").exists()


def test_a_pid_file_of_a_server_that_runs_is_left_alone(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch):
    (made / "postmaster.pid").write_text("12345\n")
    monkeypatch.setattr(postgres.orphans, "command_of", lambda _: f"postgres -D {made} -p 1")
    prepare(EmbeddedPostgres(DataDir(tmp_path), 5432).part())
    assert (made / "postmaster.pid").exists()


def test_a_missing_server_says_what_to_install_or_which_option_to_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres, "PACKAGE", "a_package_that_nobody_made")
    with pytest.raises(Fatal, match="--database-url"):
        EmbeddedPostgres(DataDir(tmp_path), 5432)


def test_root_without_user_namespaces_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres.os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    postgres._as_somebody_else.cache_clear()
    try:
        with pytest.raises(Fatal, match="as an ordinary user"):
            EmbeddedPostgres(DataDir(tmp_path), 5432)
    finally:
        postgres._as_somebody_else.cache_clear()
