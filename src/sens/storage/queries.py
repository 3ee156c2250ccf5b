"""The SQL of `sql/*.sql`: SQL as SQL, each query under a line `-- name: insert_ledger`.

What several queries of a file have in common stands under a line `-- part: is_chosen`, and comes where they have a
line `-- include: is_chosen`.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

_HEAD = re.compile(r"^-- (name|part): ([a-z][a-z0-9_]*)\s*$", re.MULTILINE)
_INCLUDE = re.compile(r"^ *-- include: ([a-z][a-z0-9_]*)$", re.MULTILINE)


def parse_queries(text: str) -> dict[str, str]:
    """Name → SQL. What stands before the first name is the file's own comment.

    Raises:
        ValueError: a name stands twice, or has no SQL, or a part that is included is none.
    """
    pieces = _HEAD.split(text)[1:]
    kinds, names, bodies = pieces[0::3], pieces[1::3], [body.strip() for body in pieces[2::3]]
    for name, body in zip(names, bodies, strict=True):
        if names.count(name) > 1 or not body:
            raise ValueError(f"query {name} stands twice or is empty")
    named = list(zip(kinds, names, bodies, strict=True))
    parts = {name: body for kind, name, body in named if kind == "part"}
    return {name: _with_parts(body, parts) for kind, name, body in named if kind == "name"}


def _with_parts(body: str, parts: Mapping[str, str]) -> str:
    if missing := set(_INCLUDE.findall(body)) - parts.keys():
        raise ValueError(f"no part {', '.join(sorted(missing))}")
    return _INCLUDE.sub(lambda found: parts[found[1]], body)


@cache
def load(file: str) -> dict[str, LiteralString]:
    """The queries of `sql/<file>.sql`. Literal: the text ships with the package, nothing is put into it."""
    text = files("sens.storage").joinpath("sql", f"{file}.sql").read_text(encoding="utf-8")
    return cast("dict[str, LiteralString]", parse_queries(text))
