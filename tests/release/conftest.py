"""What a release needs: a registry that tests share, repositories and an environment of each test's own."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from image_registry import ImageRegistry
from release.loopback import StandIn
from release.registry import Registry
from release_world import World


@pytest.fixture(scope="session")
def image_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageRegistry]:
    server = ImageRegistry(tmp_path_factory.mktemp("registry"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def registry(image_registry: ImageRegistry) -> Registry:
    return Registry(f"{image_registry.address}/{uuid4().hex}")


@pytest.fixture
def world(tmp_path: Path, registry: Registry) -> Iterator[World]:
    test = StandIn()
    yield World(tmp_path, registry, test)
    test.close()
