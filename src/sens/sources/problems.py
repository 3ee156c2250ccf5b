"""What is wrong in a configuration, where, and what to write instead."""

import difflib
from collections.abc import Iterable
from typing import NamedTuple

from sens.domain.errors import Fatal

Path = tuple[str | int, ...]
"""The way from the top of a configuration to a place in it: keys, and indexes from 0."""


class Position(NamedTuple):
    """A place in a file; line and column count from 1."""

    line: int
    column: int


class Problem(NamedTuple):
    """One thing that is wrong.

    Attributes:
        file: as the user named it.
        line, column: from 1; 0 where the file could not be read at all.
        path: for example `sources[0].topics[1].decoder`; "" for the whole file.
        message: what is wrong. Never holds a secret.
        hint: what to write instead; "" where the message says it.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        place = f":{self.line}:{self.column}" if self.line else ""
        return f"{self.file}{place}: {self.message}{hint}"


class Finding(NamedTuple):
    """A problem before its place in the file is known.

    Attributes:
        path: where.
        message, hint: as in `Problem`.
        at_key: whether the key is meant, rather than its value.
        position: the place, where it is not the path's own.
    """

    path: Path
    message: str
    hint: str = ""
    at_key: bool = False
    position: Position | None = None


class InvalidConfiguration(Fatal):
    """A configuration that cannot be used; the text lists every problem, one a line.

    Attributes:
        problems: in the order of the file; at least one.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: (problem.line, problem.column))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def shown(path: Path) -> str:
    """A path as a person writes it: `sources[0].topics[1].decoder`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def suggestion(word: str, known: Iterable[str], kind: str) -> str:
    """The hint for a word that is not among the known ones: the closest one, and all of them."""
    names = sorted(set(known))
    if not names:
        return f"there are no {kind}"
    close = difflib.get_close_matches(word, names, n=1)
    listed = f"{kind}: {', '.join(names)}"
    return f"did you mean '{close[0]}'? {listed}" if close else listed
