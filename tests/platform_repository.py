"""The platform's repository with its builds, and the commands that a workflow runs in a checkout of it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from helm import ROOT
from release.record import IMAGES
from release.registry import Registry

_AUTHOR = ("-c", "user.name=Rehearsal", "-c", "user.email=rehearsal@example.org")
_TABLE = "CREATE TABLE rehearsal ();\n"
_MIGRATION = '''"""What only a rehearsal migrates to."""

from sens.storage.migrations.revisions import run_sql

revision = "{revision}"
down_revision = "{last}"


def upgrade() -> None:
    run_sql(__file__)
'''


class StepFailed(AssertionError):
    """A step of a release ended with an error; its words."""


@dataclass
class Platform:
    """A checkout of main, whose origin the cluster reads.

    Attributes:
        url: of the repository.
        infra_url: of the infrastructure repository.
        registry: the folder of images, as they are pushed.
        folder: the checkout.
    """

    url: str
    infra_url: str
    registry: Registry
    folder: Path
    _runs: int = field(default=0)

    def begin(self) -> None:
        """Push what is checked out here as main, and take away what an earlier rehearsal left."""
        self._run("git", "clone", "--quiet", str(ROOT), str(self.folder), within=ROOT)
        self._git("checkout", "--quiet", "-B", "main")
        self._git("remote", "set-url", "origin", self.url)
        self._git("push", "--quiet", "--force", "origin", "main")
        left = [line.split()[1] for line in self._git("ls-remote", "--refs", "origin").splitlines()]
        if left := [ref for ref in left if ref != "refs/heads/main"]:
            self._git("push", "--quiet", "origin", "--delete", *left)

    def commit(self, message: str, files: Mapping[str, str]) -> None:
        """A commit on main."""
        for path, text in files.items():
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        self._git("add", ".")
        self._git(*_AUTHOR, "commit", "--quiet", "--message", message)
        self._git("push", "--quiet", "origin", "main")

    def merge(self, branch: str) -> None:
        """What a person does with a proposal."""
        self._git("fetch", "--quiet", "origin")
        self._git(*_AUTHOR, "merge", "--quiet", "--no-edit", f"origin/{branch}")
        self._git("push", "--quiet", "origin", "main")

    def revision(self, name: str) -> str:
        """The id of a commit."""
        return self._git("rev-parse", name).strip()

    def add_migration(self) -> None:
        """A commit that changes the schema, so that older builds work with it too."""
        versions = "src/sens/storage/migrations/versions"
        last = max(path.name for path in (self.folder / versions).glob("0*.sql"))[:4]
        following = f"{int(last) + 1:04d}"
        code = _MIGRATION.format(revision=following, last=last)
        name = f"{versions}/{following}_rehearsal"
        self.commit("Add a table that nothing uses", {f"{name}.sql": _TABLE, f"{name}.py": code})

    def break_docs(self) -> None:
        """A commit whose docs have no first page, which no probe of a pod asks for."""
        path = "infra/docker/Dockerfile"
        text = (self.folder / path).read_text()
        build = "mkdocs build --quiet --strict --site-dir dist"
        assert text.count(build) == 1
        self.commit("Lose the first page", {path: text.replace(build, f"{build} && rm dist/index.html")})

    def revert(self) -> None:
        """Take the last commit back."""
        self._git(*_AUTHOR, "revert", "--no-edit", "HEAD")
        self._git("push", "--quiet", "origin", "main")

    def release_alpha(self) -> str:
        """What the workflow does for a commit on main; the version."""
        self._runs += 1
        sha = self.revision("HEAD")
        tag = f"build-{sha}"
        built = {"IMAGE_PREFIX": self.registry.prefix, "IMAGE_TAG": tag, "PUSH": "1", "SENS_REQUIRE_IMAGES": "1"}
        self._run(sys.executable, "tools/images.py", "build", environment=built)
        digests = [f"{image}={self.registry.digest(image, tag)}" for image in IMAGES]
        run = ["--run", str(self._runs), "--attempt", "1"]
        self.step("alpha", *run, "--ci-run", f"https://ci.example.org/runs/{self._runs}", "--branch", "main", *digests)
        return self.step("version", *run).strip()

    def step(self, *arguments: str) -> str:
        """A step of a release by its command; what it prints.

        Raises:
            StepFailed: it refused, or something did not answer.
        """
        return self._run(
            sys.executable, "-m", "tools.release", *arguments,
            environment={
                "IMAGE_PREFIX": self.registry.prefix,
                "INFRA_REPOSITORY": self.infra_url,
                "PLATFORM_REPOSITORY": self.url,
            },
        )  # fmt: skip

    def _git(self, *arguments: str) -> str:
        return self._run("git", *arguments)

    def _run(self, *command: str, within: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(
            command,
            cwd=within or self.folder,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StepFailed(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
        return done.stdout
