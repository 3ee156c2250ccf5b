"""A rehearsal of releases on a real cluster: `make release-rehearsal`. Else its tests are not collected: they take the
cluster's Argo CD and three namespaces, which they leave for a look until the next one."""

import os

import pytest

from servers import missing

NEEDED = {
    "REHEARSAL_PLATFORM": "the URL of an empty Git repository that you may push to and the cluster reads",
    "REHEARSAL_INFRA": "the URL of another",
    "IMAGE_PREFIX": "such a folder of a registry, without images, as registry.example.org/rehearsal-1/sens-platform",
}

if os.environ.get("SENS_RELEASE_REHEARSAL") != "1":
    collect_ignore_glob = ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They tell one story, each test goes on where the one before ended."""
    for item in items:
        if "rehearsal" in item.path.parts:
            item.add_marker(pytest.mark.timeout(2400))


@pytest.fixture(scope="session", autouse=True)
def _given() -> None:
    for name, what in NEEDED.items():
        if not os.environ.get(name):
            missing(name, f"set it to {what}")
