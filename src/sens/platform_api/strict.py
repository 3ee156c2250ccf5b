"""Query parameters that would silently answer another question are refused: a misspelt `from`, a second `limit`."""

import difflib
from functools import cache
from typing import Any, cast

from fastapi import FastAPI, Request

from sens.platform_api.problems import invalid


async def refuse_stray_parameters(request: Request) -> None:
    """A dependency of every route.

    Raises:
        ProblemError: the query has a parameter that the route does not know, or one twice that has a single value.
    """
    known = _known(request.app, getattr(request.scope.get("route"), "path", ""), request.method.lower())
    for name in request.query_params:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            advice = f"did you mean {close[0]}?" if close else f"known are: {', '.join(sorted(known)) or 'none'}"
            raise invalid(f"query.{name[:64]}", f"there is no parameter {name[:64]!r} here; {advice}")
        if not known[name] and len(request.query_params.getlist(name)) > 1:
            raise invalid(f"query.{name}", f"{name} may be given once")


@cache
def _known(app: FastAPI, template: str, method: str) -> dict[str, bool]:
    """The route's parameters, and whether each may be given more than once."""
    operation = cast("dict[str, Any]", app.openapi()["paths"].get(template, {})).get(method, {})
    parameters = (each for each in operation.get("parameters", ()) if each["in"] == "query")
    return {each["name"]: _is_list(each["schema"]) for each in parameters}


def _is_list(schema: dict[str, Any]) -> bool:
    return any(each.get("type") == "array" for each in (schema, *schema.get("anyOf", ())))
