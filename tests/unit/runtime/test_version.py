import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sens.runtime import version


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in version.VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    version.build.cache_clear()
    yield
    version.build.cache_clear()


def test_the_environment_tells_the_commit_of_an_image_and_its_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENS_GIT_SHA", "0123456789abcdef")
    monkeypatch.setenv("SENS_BUILD_DATE", "2026-11-26T12:00:00Z")
    assert (version.build().git_sha, version.build().build_date) == ("0123456789abcdef", "2026-11-26T12:00:00Z")
    told = f"(commit 0123456789ab of 2026-11-26T12:00:00Z, Python {platform.python_version()})"
    assert str(version.build()).endswith(told)


def test_what_deploys_a_build_tells_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    assert version.build().version == "unreleased"
    monkeypatch.setenv("SENS_DEPLOYED_VERSION", "0.1.0-alpha.1.1")
    version.build.cache_clear()
    assert version.build().version == "0.1.0-alpha.1.1"


def test_a_checkout_tells_its_commit_and_its_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-11-26T13:00:00+01:00")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    monkeypatch.setattr(version, "_CHECKOUT", tmp_path)
    assert version.build().git_sha == head
    assert version.build().build_date == "2026-11-26T12:00:00Z"


@pytest.mark.parametrize("is_broken", [False, True])
def test_where_nobody_knows_commit_and_date_are_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_broken: bool
) -> None:
    if is_broken:
        (tmp_path / ".git").mkdir()
    monkeypatch.setattr(version, "_CHECKOUT", tmp_path)
    assert (version.build().git_sha, version.build().build_date) == ("unknown", "unknown")
