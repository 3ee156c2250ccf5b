"""Versions of releases: alpha, candidate (rc) and stable, ordered as SemVer 2.0.0 orders them."""

import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import total_ordering
from pathlib import Path

from .refusal import Refusal

_NUMBER = r"(0|[1-9][0-9]*)"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-(alpha|rc)\.{_NUMBER}(?:\.{_NUMBER})?)?")
_DECLARED = re.compile(r'^version = "([^"]*)"$', re.MULTILINE)
PROJECT = Path("pyproject.toml")
"""The one place of the next version: [project] version."""


class Kind(StrEnum):
    """What a version was built or promoted for."""

    ALPHA = "alpha"
    RC = "rc"
    STABLE = "stable"


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """X.Y.Z-alpha.<run>.<attempt>, X.Y.Z-alpha.<n>, X.Y.Z-rc.<n> or X.Y.Z.

    Attributes:
        core: X, Y and Z.
        kind: what comes before the numbers.
        numbers: those after the kind; none for a stable version.
    """

    core: tuple[int, int, int]
    kind: Kind = Kind.STABLE
    numbers: tuple[int, ...] = ()

    def __str__(self) -> str:
        core = ".".join(map(str, self.core))
        return core if self.kind is Kind.STABLE else f"{core}-{'.'.join([self.kind, *map(str, self.numbers)])}"

    def __lt__(self, other: "Version") -> bool:
        return self._precedence() < other._precedence()

    def _precedence(self) -> tuple[tuple[int, int, int], int, tuple[int, ...]]:
        return self.core, list(Kind).index(self.kind), self.numbers

    @property
    def stable(self) -> "Version":
        """The release that this version leads to."""
        return Version(self.core)

    def alpha(self, run: int, attempt: int) -> "Version":
        """The version of a build of main, by the workflow run that builds it."""
        return Version(self.core, Kind.ALPHA, (run, attempt))

    def rc(self, number: int) -> "Version":
        return Version(self.core, Kind.RC, (number,))

    def bumped(self) -> "Version":
        """The next version after this stable one, as it is proposed: people may choose another."""
        major, minor, _ = self.core
        return Version((major, minor + 1, 0))


def parse(text: str) -> Version:
    """The version that a tag or a person names.

    Raises:
        Refusal: it is none that can be deployed.
    """
    found = _VERSION.fullmatch(text)
    if found:
        major, minor, patch, kind, first, second = found.groups()
        core = (int(major), int(minor), int(patch))
        if kind is None:
            return Version(core)
        if kind == Kind.ALPHA or second is None:
            return Version(core, Kind(kind), tuple(int(number) for number in (first, second) if number is not None))
    raise Refusal(
        f"{text!r} is no version: name one like 0.5.0, 0.5.0-rc.1 or 0.5.0-alpha.123.1, not a branch and not `latest`"
    )


def is_version(text: str) -> bool:
    try:
        parse(text)
    except Refusal:
        return False
    return True


def next_version(project: str) -> Version:
    """The version that builds lead to.

    Args:
        project: the text of pyproject.toml.

    Raises:
        Refusal: it declares none, or one that is not stable.
    """
    declared = parse(tomllib.loads(project)["project"]["version"])
    if declared.kind is not Kind.STABLE:
        raise Refusal(f"{PROJECT} declares {declared}: write {declared.stable}, builds add what comes after it")
    return declared


def with_next_version(project: str, version: Version) -> str:
    """The text of pyproject.toml with another next version, all else as it was."""
    changed, count = _DECLARED.subn(f'version = "{version}"', project)
    if count != 1:
        raise Refusal(f"{PROJECT} has {count} lines `version = …`: one is needed")
    return changed
