import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sens.runtime import version


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    version.build.cache_clear()
    yield
    version.build.cache_clear()


def test_the_environment_tells_the_commit_of_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENS_GIT_SHA", "0123456789abcdef")
    assert version.build().git_sha == "0123456789abcdef"
    assert str(version.build()).endswith(f"(commit 0123456789ab, Python {platform.python_version()})")


def test_a_checkout_tells_its_commit(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    assert version._checkout_sha(tmp_path) == head


def test_where_nobody_knows_the_commit_is_unknown(tmp_path: Path) -> None:
    assert version._checkout_sha(tmp_path) == "unknown"
    (tmp_path / ".git").mkdir()
    assert version._checkout_sha(tmp_path) == "unknown"


def test_the_version_is_the_package_s(monkeypatch: pytest.MonkeyPatch) -> None:
    assert version.build().version[0].isdigit()
    monkeypatch.setattr(version, "PACKAGE", "no-such-package")
    version.build.cache_clear()
    assert version.build().version == "unknown"
