"""Unknown query parameters are refused: a misspelt `from` would silently answer another question."""

import difflib
from functools import cache
from typing import Any, cast

from fastapi import FastAPI, Request

from sens.platform_api.problems import invalid


async def refuse_unknown_parameters(request: Request) -> None:
    """A dependency of every route.

    Raises:
        ProblemError: the query has a parameter that the route does not know.
    """
    known = _known(request.app, getattr(request.scope.get("route"), "path", ""), request.method.lower())
    for name in request.query_params:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            advice = f"did you mean {close[0]}?" if close else f"known are: {', '.join(sorted(known)) or 'none'}"
            raise invalid(f"query.{name[:64]}", f"there is no parameter {name[:64]!r} here; {advice}")


@cache
def _known(app: FastAPI, template: str, method: str) -> frozenset[str]:
    operation = cast("dict[str, Any]", app.openapi()["paths"].get(template, {})).get(method, {})
    return frozenset(each["name"] for each in operation.get("parameters", ()) if each["in"] == "query")
