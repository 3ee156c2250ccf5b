"""Servers that tests share: one of each kind a session, a fresh database, stream or session a test."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from servers import Mosquitto, Nats, Postgres


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server on which tests may create databases: SENS_TEST_DATABASE_URL, or an embedded one."""
    given = os.environ.get("SENS_TEST_DATABASE_URL")
    if given:
        yield given
        return
    server = Postgres(Path(tmp_path_factory.mktemp("postgres")))
    server.start()
    yield server.url()
    server.stop()


@pytest.fixture
def database_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty database, gone after the test."""
    name = f"sens_test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield make_conninfo(postgres_server, dbname=name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    server = Nats(Path(tmp_path_factory.mktemp("nats")), mqtt=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    server = Mosquitto(Path(tmp_path_factory.mktemp("mosquitto")))
    server.start()
    yield server
    server.stop()
