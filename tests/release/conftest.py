"""A registry for the tests of releases; each test has a folder of its own in it."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from image_registry import ImageRegistry
from release.registry import Registry


@pytest.fixture(scope="session")
def image_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageRegistry]:
    server = ImageRegistry(tmp_path_factory.mktemp("registry"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def registry(image_registry: ImageRegistry) -> Registry:
    return Registry(f"{image_registry.address}/{uuid4().hex}")
