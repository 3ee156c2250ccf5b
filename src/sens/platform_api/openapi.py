"""The OpenAPI 3.1 document: what FastAPI finds in the routes, and what all of them share."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from sens.platform_api.problems import FieldProblem, Problem, ProblemType, documented

API_VERSION: Final = "1"
DESCRIPTION: Final = """
Devices, series, readings, and what became of every message.

- **Keys**: `Authorization: Bearer sens_…` or `X-API-Key: sens_…`, with scope `read`, `operate` or `admin`. A
  revoked key opens nothing any more after five seconds at the latest.
- **Sessions**: `POST /api/v1/session` gives a cookie. Writes with it need its `csrf_token` as `X-CSRF-Token`. The roles
  `viewer`, `operator` and `admin` are the scopes `read`, `operate` and `admin`.
- **Tenants**: a key or a user may belong to one. What belongs to another is not there for them: 404.
- **HEAD** is answered wherever GET is, with its header and no body.
- **Errors** are problem details (RFC 9457); `type` is stable.
- **Parameters** that are not known are refused, and a second value of one that takes one.
- **Lists** come in pages: `limit`, and `cursor` with what the page before gave as `next_cursor`.
- **Times** in queries are RFC 3339 or relative (`now-1h`); in columns they are µs since 1970 UTC (`time_us`).
- **503** means that a server is away: try again after `Retry-After` seconds.
"""
_EVERYWHERE: Final = (
    ProblemType.INVALID_REQUEST,
    ProblemType.INTERNAL,
    ProblemType.DATABASE_UNAVAILABLE,
    ProblemType.QUERY_TOO_LONG,
    ProblemType.STREAM_UNAVAILABLE,
    ProblemType.OVERLOADED,
    ProblemType.TIMED_OUT,
    ProblemType.MISCONFIGURED,
)
_BEHIND_ACCESS: Final = (ProblemType.NOT_AUTHENTICATED, ProblemType.SCOPE_MISSING, ProblemType.CSRF_TOKEN_MISSING)
_WITH_BODY: Final = (ProblemType.BAD_REQUEST, ProblemType.REQUEST_TIMEOUT, ProblemType.BODY_TOO_LARGE)
_REF: Final = "#/components/schemas/{model}"


def describe(app: FastAPI) -> None:
    """Have the application serve this document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=API_VERSION, description=DESCRIPTION, routes=app.routes, openapi_version="3.1.0"
    )
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for model in (Problem, FieldProblem):
        schema = model.model_json_schema(ref_template=_REF)
        schema.pop("$defs", None)
        schemas[model.__name__] = schema
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _add_problems(operation, public=not path.startswith("/api/"))
    return document


def _add_problems(operation: dict[str, Any], *, public: bool) -> None:
    types: tuple[ProblemType, ...] = () if public else _EVERYWHERE
    types += _BEHIND_ACCESS if "security" in operation else ()
    types += _WITH_BODY if "requestBody" in operation else ()
    answers = operation["responses"]
    answers.pop("422", None)
    for status, common in documented(*types).items():
        own = answers.get(str(status))
        if own is not None:
            common["description"] = f"{own['description']}; {common['description']}"
        answers[str(status)] = common
    operation["responses"] = dict(sorted(answers.items()))
