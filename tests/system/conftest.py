"""A running platform for each test, on servers of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import wait_until
from system.harness import Delivery, Line, Stack, migrated_database, source
from system.sender import Sender
from system.tap import Tap
from system.verify import assert_memory_bounded, assert_no_bug_logged

SOAK = os.environ.get("SENS_SOAK") == "1"
ROUNDS = int(os.environ.get("SENS_FAULT_ROUNDS", "20" if SOAK else "1"))


@pytest.fixture(scope="session")
def rounds() -> range:
    """How often each fault happens in its test."""
    return range(ROUNDS)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return migrated_database(Path(tmp_path_factory.mktemp("migrated")))


@pytest.fixture
def delivery() -> Delivery:
    """How messages come, where a test does not say it otherwise by its parameter `delivery`."""
    return Delivery()


@pytest.fixture
def stack(tmp_path: Path, migrated: Path, delivery: Delivery) -> Iterator[Stack]:
    """Servers, with the usual configuration, and no worker yet."""
    stack = Stack(tmp_path)
    try:
        stack.start_servers(migrated)
        stack.write_config(source("line", stack.broker.port, delivery.options))
        yield stack
        assert_memory_bounded(stack)
        assert_no_bug_logged(stack)
    finally:
        stack.close()
        print(f"logs: {tmp_path}/*/*.log")


@pytest.fixture
def line(stack: Stack, delivery: Delivery) -> Iterator[Line]:
    workers = ingestion, telemetry, api = stack.ingestion(), stack.telemetry(), stack.api()
    for worker in workers:
        worker.spawn()
    for worker in workers:
        wait_until(worker.ready, what=f"{worker.name} to answer")
    sender = Sender(stack.broker.port, qos=delivery.qos)
    sender.start()
    yield Line(stack, ingestion, telemetry, api, sender, away_s=30.0 if SOAK else 5.0)
    sender.close()


@pytest.fixture
def tap(stack: Stack, delivery: Delivery) -> Iterator[Tap]:
    """The wire between broker and ingestion workers. To be named before `line`."""
    tap = Tap(stack.broker.port)
    stack.write_config(source("line", tap.port, delivery.options))
    yield tap
    tap.close()
