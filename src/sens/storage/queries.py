"""The SQL of `sql/*.sql`: SQL as SQL, each query under a line `-- name: insert_ledger`."""

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: ([a-z][a-z0-9_]*)\s*$", re.MULTILINE)


def parse_queries(text: str) -> dict[str, str]:
    """Name → SQL. What stands before the first name is the file's own comment.

    Raises:
        ValueError: a name stands twice, or has no SQL.
    """
    parts = _NAME.split(text)[1:]
    names, bodies = parts[0::2], [body.strip() for body in parts[1::2]]
    for name, body in zip(names, bodies, strict=True):
        if names.count(name) > 1 or not body:
            raise ValueError(f"query {name} stands twice or is empty")
    return dict(zip(names, bodies, strict=True))


@cache
def load(file: str) -> dict[str, LiteralString]:
    """The queries of `sql/<file>.sql`. Literal: the text ships with the package, nothing is put into it."""
    text = files("sens.storage").joinpath("sql", f"{file}.sql").read_text(encoding="utf-8")
    return cast("dict[str, LiteralString]", parse_queries(text))
