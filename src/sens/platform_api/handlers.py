"""Errors → problems: the one place where it is decided what a client is told."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from sens.domain.errors import Fatal, Reject, Retry, SensError
from sens.platform_api.problems import FieldProblem, ProblemError, ProblemType, response
from sens.runtime.exits import message_of
from sens.storage.errors import DatabaseBusy
from sens.stream.errors import SequenceMismatch, StreamAway, StreamFull, StreamMissing
from sens.stream.replay import NobodyReplays, ReplayFailed

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_STREAM_ERRORS = (StreamAway, StreamMissing, SequenceMismatch)
_BY_STATUS = {404: ProblemType.NOT_FOUND, 405: ProblemType.METHOD_NOT_ALLOWED}
MAX_ERRORS = 20
MAX_LOCATION = 200


def add_handlers(app: FastAPI) -> None:
    """Have every error that leaves a route answered as a problem."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(SensError, _on_sens_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_bug)


def problem_of(error: SensError) -> ProblemError:
    """The problem for an error of ours. Its text stays in the log: it may name hosts, and clients need not know."""
    if isinstance(error, Reject):
        return ProblemError(ProblemType.INVALID_REQUEST, error.detail)
    if isinstance(error, NobodyReplays):
        return ProblemError(ProblemType.NO_WORKER)
    if isinstance(error, ReplayFailed):
        return ProblemError(ProblemType.REPLAY_FAILED, message_of(error))
    if isinstance(error, DatabaseBusy):
        return ProblemError(ProblemType.QUERY_TOO_LONG)
    if isinstance(error, StreamFull):
        return ProblemError(ProblemType.STREAM_FULL)
    if isinstance(error, _STREAM_ERRORS):
        return ProblemError(ProblemType.STREAM_UNAVAILABLE)
    return ProblemError(ProblemType.DATABASE_UNAVAILABLE if isinstance(error, Retry) else ProblemType.MISCONFIGURED)


async def _on_problem(request: Request, error: Exception) -> Response:
    return _answer(request, cast(ProblemError, error))


async def _on_sens_error(request: Request, error: Exception) -> Response:
    if isinstance(error, Retry | Fatal):
        log.warning("request_failed", path=request.url.path, error=message_of(error), kind=type(error).__name__)
    return _answer(request, problem_of(cast(SensError, error)))


async def _on_invalid(request: Request, error: Exception) -> Response:
    found = cast("Sequence[dict[str, Any]]", cast(RequestValidationError, error).errors())
    errors = [
        FieldProblem(location=".".join(map(str, each["loc"]))[:MAX_LOCATION], message=_words(each))
        for each in found[:MAX_ERRORS]
    ]
    detail = "; ".join(f"{each.location}: {each.message}" for each in errors[:3])
    return _answer(request, ProblemError(ProblemType.INVALID_REQUEST, detail, errors=errors))


def _words(found: Mapping[str, Any]) -> str:
    """What is wrong; of a check of ours its own words, without pydantic's before them."""
    return str(found["ctx"]["error"]) if found["type"] == "value_error" else str(found["msg"])


async def _on_http(request: Request, error: Exception) -> Response:
    given = cast(HTTPException, error)
    type_ = _BY_STATUS.get(given.status_code, ProblemType.BAD_REQUEST)
    headers = _allowed(request, given) if type_ is ProblemType.METHOD_NOT_ALLOWED else given.headers
    return _answer(request, ProblemError(type_, headers=headers))


def _allowed(request: Request, given: HTTPException) -> dict[str, str]:
    """All methods of the path: the framework names those of one of its routes only."""
    template = getattr(request.scope.get("route"), "path", "")
    documented = cast("dict[str, object]", request.app.openapi()["paths"].get(template, {}))
    named = (given.headers or {}).get("Allow", "").split(", ")
    methods = {method.upper() for method in (*documented, *named) if method}
    if "GET" in methods:
        methods.add("HEAD")
    return {"Allow": ", ".join(sorted(methods))}


async def _on_bug(request: Request, error: Exception) -> Response:
    # The server logs the traceback when the error reaches it.
    log.error("request_failed", path=request.url.path, kind=type(error).__name__)
    return _answer(request, ProblemError(ProblemType.INTERNAL))


def _answer(request: Request, error: ProblemError) -> Response:
    return response(error, request.url.path, request.state.request_id)
