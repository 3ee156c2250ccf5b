"""One platform for the tests of a file."""

from collections.abc import Iterator

import pytest

from whole_platform import Platform


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("platform")) as platform:
        yield platform
