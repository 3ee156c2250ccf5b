"""A migrated database for tests of the writing side."""

from collections.abc import Iterator

import pytest

from store import Store


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    yield store
    store.close()
