"""What a checkout of the platform's repository says of the build that is made of it."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .record import Release
from .refusal import Refusal
from .version import PROJECT, Version, next_version

_MIGRATIONS = Path("src/sens/storage/migrations/versions")
_DEMAND = re.compile(r"oldest_revision = '(\d+)'")


@dataclass(frozen=True, slots=True)
class Checkout:
    """The commit that is checked out in a folder."""

    folder: Path

    @property
    def origin(self) -> str:
        """URL of the repository that it was cloned from."""
        return self._git("remote", "get-url", "origin")

    @property
    def next_version(self) -> Version:
        return next_version((self.folder / PROJECT).read_text())

    def release(self, version: Version, images: Mapping[str, str], branch: str, ci_run: str) -> Release:
        """What there is to say about a build of this commit.

        Args:
            version: that of the build.
            images: the digest of every image.
            branch: for people.
            ci_run: address of the workflow run.
        """
        git_sha = self._git("rev-parse", "HEAD")
        committed = datetime.fromtimestamp(int(self._git("show", "--no-patch", "--format=%ct", "HEAD")), UTC)
        return Release(
            version=str(version),
            git_sha=git_sha,
            commit_time=f"{committed:%Y-%m-%dT%H:%M:%SZ}",
            branch=branch,
            images=dict(images),
            chart_revision=git_sha,
            schema_revision=max(path.name.partition("_")[0] for path in self._migrations),
            oldest_schema_revision=self._oldest_schema_revision,
            ci_run=ci_run,
        )

    @property
    def _migrations(self) -> list[Path]:
        return sorted((self.folder / _MIGRATIONS).glob("[0-9]*.sql"))

    @property
    def _oldest_schema_revision(self) -> str:
        """What the last migration that says so demands of builds."""
        said = [found for path in self._migrations for found in _DEMAND.findall(path.read_text())]
        return said[-1] if said else "0001"

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.folder), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Refusal(f"{self.folder.resolve()} is no checkout of the platform ({done.stderr.strip()}): go to one")
        return done.stdout.strip()
