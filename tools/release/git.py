"""A branch of a Git repository, read and written over its URL."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from .refusal import Unfinished

_AUTHOR = ("-c", "user.name=SENS release", "-c", "user.email=release@sens-platform.invalid")
_TIMEOUT_S = 120


class PushRace(Exception):
    """Somebody else pushed meanwhile: what was decided may be wrong now."""


class Branch:
    """A branch as it was when it was last refreshed.

    Access is Git's own: a URL with a token, or a deploy key named by GIT_SSH_COMMAND. Every method raises Unfinished if
    the repository does not answer.
    """

    def __init__(self, url: str, folder: Path, name: str = "main") -> None:
        self.url = url
        self.name = name
        self._folder = folder
        self._git("clone", "--quiet", "--branch", name, url, str(folder), within=Path())

    def refresh(self) -> None:
        self._git("fetch", "--quiet", "--prune", "origin")
        self._git("reset", "--quiet", "--hard", f"origin/{self.name}")

    @property
    def head(self) -> str:
        return self._git("rev-parse", "HEAD")

    def read(self, path: str) -> str | None:
        """A file; None if it is not there."""
        place = self._folder / path
        return place.read_text() if place.is_file() else None

    def has(self, branch: str) -> bool:
        """Whether there is another branch of that name."""
        return bool(self._git("branch", "--remotes", "--list", f"origin/{branch}"))

    def commit_of_tag(self, tag: str) -> str | None:
        """The commit that a tag of the repository names; None without such a tag."""
        peeled, plain = f"refs/tags/{tag}^{{}}", f"refs/tags/{tag}"
        lines = self._git("ls-remote", "origin", plain, peeled).splitlines()
        found = {name: commit for commit, name in (line.split() for line in lines)}
        return found.get(peeled) or found.get(plain)

    def push_tag(self, tag: str, commit: str, message: str) -> None:
        """Give a commit a tag that it keeps.

        Raises:
            PushRace: somebody else pushed that tag meanwhile.
        """
        self._git(*_AUTHOR, "tag", "--force", "--annotate", "--message", message, tag, commit)
        try:
            self._git("push", "--quiet", "origin", f"refs/tags/{tag}")
        except Unfinished as failure:
            if self.commit_of_tag(tag) is not None:
                raise PushRace(str(failure)) from failure
            raise

    def last_commit(self, *paths: str) -> str:
        """The commit that changed one of these files or folders last; empty if none did."""
        return self._git("log", "-1", "--format=%H", "--", *paths)

    def commit(self, message: str, files: Mapping[str, str], branch: str | None = None) -> None:
        """Commit files and push them to this branch or a new one.

        Raises:
            PushRace: somebody else pushed there meanwhile.
        """
        base = self.head
        for path, text in files.items():
            place = self._folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        self._git("add", "--", *files)
        self._git(*_AUTHOR, "commit", "--quiet", "--message", message)
        try:
            self._git("push", "--quiet", "origin", f"HEAD:refs/heads/{branch or self.name}")
        except Unfinished as failure:
            self.refresh()
            if branch or self.head != base:
                raise PushRace(str(failure)) from failure
            raise

    def _git(self, *arguments: str, within: Path | None = None) -> str:
        try:
            done = subprocess.run(
                ["git", *arguments],
                cwd=within or self._folder,
                env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise Unfinished(f"{self.url} does not answer within {_TIMEOUT_S} s: run this again when it does") from late
        if done.returncode:
            raise Unfinished(f"git {arguments[0]}: {done.stderr.strip()}: run this again when {self.url} answers")
        return done.stdout.strip()
