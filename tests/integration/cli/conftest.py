"""One platform for the tests of a file."""

from collections.abc import Iterator

import pytest

from whole_platform import Platform


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    platform.wait_until_up()
    yield platform
    platform.process.terminate()
    platform.process.communicate(timeout=60)
