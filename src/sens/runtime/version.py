"""Which build this is, and under which version it was deployed.

A build knows its commit, not its version: a release gives the same image a new tag. So what deploys it tells the tag.
"""

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

DEPLOYED_VERSION_VARIABLE = "SENS_DEPLOYED_VERSION"
GIT_SHA_VARIABLE = "SENS_GIT_SHA"
BUILD_DATE_VARIABLE = "SENS_BUILD_DATE"
VARIABLES = frozenset({DEPLOYED_VERSION_VARIABLE, GIT_SHA_VARIABLE, BUILD_DATE_VARIABLE})
UNRELEASED = "unreleased"
UNKNOWN = "unknown"
_CHECKOUT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Version:
    """What runs.

    Attributes:
        version: the tag that was deployed; "unreleased" if nobody said.
        git_sha: the commit that was built; "unknown" outside an image and a checkout.
        build_date: when that commit was made ISO 8601 in UTC, or "unknown".
        python: Python's version.
    """

    version: str
    git_sha: str
    build_date: str
    python: str

    def __str__(self) -> str:
        return f"{self.version} (commit {self.git_sha[:12]} of {self.build_date}, Python {self.python})"


@cache
def build() -> Version:
    """This process's build. The first call may start git; the answer is kept."""
    return Version(
        _told(DEPLOYED_VERSION_VARIABLE) or UNRELEASED,
        _told(GIT_SHA_VARIABLE) or _of_checkout(_CHECKOUT, "%H") or UNKNOWN,
        _told(BUILD_DATE_VARIABLE) or _commit_date(_CHECKOUT) or UNKNOWN,
        platform.python_version(),
    )


def _told(variable: str) -> str:
    return os.environ.get(variable, "").strip()


def _commit_date(checkout: Path) -> str:
    seconds = _of_checkout(checkout, "%ct")
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else ""


def _of_checkout(root: Path, what: str) -> str:
    """What `git show` tells of the commit checked out at `root`, empty if nothing: git is asked only where `root`
    itself is a checkout."""
    if not (root / ".git").exists():
        return ""
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), "show", "--no-patch", f"--format={what}", "HEAD"],
            capture_output=True,
            text=True,
            timeout=2,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()
