"""Servers that tests share: one of each kind a session, a fresh database, stream or session a test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from databases import Templates, fresh_database
from servers import Mosquitto, Nats, Postgres


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server on which tests may create databases: SENS_TEST_DATABASE_URL, or an embedded one."""
    given = os.environ.get("SENS_TEST_DATABASE_URL")
    if given:
        from database_roles import dropped_afterwards

        with dropped_afterwards(given):
            yield given
        return
    # Never killed: tests of crashes have servers of their own. Syncing is most of what a fresh database costs.
    server = Postgres(Path(tmp_path_factory.mktemp("postgres")), ("fsync=off",))
    server.start()
    yield server.url()
    server.stop()


@pytest.fixture(scope="session")
def templates(postgres_server: str) -> Iterator[Templates]:
    templates = Templates(postgres_server)
    yield templates
    templates.close()


@pytest.fixture
def database_url(templates: Templates) -> Iterator[str]:
    """The administrator's URL of a migrated database, gone after the test; `url_as` makes a role's of it."""
    from database_roles import make_migrated

    with templates.copy(make_migrated) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty database, gone after the test."""
    with fresh_database(postgres_server) as url:
        yield url


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
