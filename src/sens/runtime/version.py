"""Which build this is."""

import os
import platform
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGE = "sens-platform"
GIT_SHA_VARIABLE = "SENS_GIT_SHA"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Version:
    """Version of the package, commit it was built from ("unknown" if nobody said), Python's version."""

    version: str
    git_sha: str
    python: str

    def __str__(self) -> str:
        return f"{self.version} (commit {self.git_sha[:12]}, Python {self.python})"


@cache
def build() -> Version:
    """This process's build. The first call may start git; the answer is kept."""
    return Version(_package_version(), _git_sha(), platform.python_version())


def _package_version() -> str:
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        return UNKNOWN


def _git_sha() -> str:
    given = os.environ.get(GIT_SHA_VARIABLE, "").strip()
    return given or _checkout_sha(Path(__file__).resolve().parents[3])


def _checkout_sha(root: Path) -> str:
    """The commit checked out at `root`; asks git only where `root` itself is a checkout."""
    if not (root / ".git").exists():
        return UNKNOWN
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=2, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN
    return answer.stdout.strip() or UNKNOWN
