"""Tests on a real cluster: `make cluster-test`. Else they are not collected: they make and remove namespaces."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from helm import CHART
from kube import Release
from servers import missing

if os.environ.get("SENS_CLUSTER_TEST") != "1":
    collect_ignore_glob = ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They tell one story, each test goes on where the one before ended."""
    for item in items:
        if "cluster" in Path(item.path).parts:
            item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture(scope="session", autouse=True)
def _cluster() -> None:
    if shutil.which("kubectl") is None:
        missing("kubectl", "put it on the PATH")
    answer = subprocess.run(["kubectl", "version", "--output", "json"], capture_output=True, text=True, check=False)
    if answer.returncode or "serverVersion" not in json.loads(answer.stdout or "{}"):
        missing("a Kubernetes cluster", "point KUBECONFIG at one that you may make and remove namespaces in")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """The test environment in a namespace that goes when the tests end, with what CLUSTER_VALUES says over it."""
    values = [CHART / "environments" / "test.yaml"]
    if own := os.environ.get("CLUSTER_VALUES"):
        values.append(Path(own))
    release = Release("sens", f"sens-test-{os.getpid()}", values)
    release.make_namespace()
    release.make_secrets()
    yield release
    if os.environ.get("CLUSTER_KEEP") != "1":
        release.kubectl("delete", "namespace", release.namespace, "--wait=true")
