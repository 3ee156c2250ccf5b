"""Every problem that the API answers with (RFC 9457), declared once; the docs are generated from here."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = "2"


class ProblemType(StrEnum):
    """What went wrong. The value is the problem's `type`, which clients rely on: never rename one."""

    status: int
    summary: str
    text: str

    def __new__(cls, slug: str, status: int, summary: str, text: str) -> "ProblemType":
        member = str.__new__(cls, f"urn:sens:problem:{slug}")
        member._value_ = str(member)
        member.status, member.summary, member.text = status, summary, text
        return member

    INVALID_REQUEST = (
        "invalid-request", 422, "The request is not valid",
        "A parameter or the body is not as documented; `errors` names each place and what to write.",
    )  # fmt: skip
    BAD_REQUEST = (
        "bad-request", 400, "The request cannot be read",
        "The request is no HTTP that the API can read, or its URL and header are longer than 16 KiB together.",
    )  # fmt: skip
    NOT_AUTHENTICATED = (
        "not-authenticated", 401, "Neither a session nor a valid API key",
        "Log in, or send `Authorization: Bearer sens_…` or `X-API-Key: sens_…` with a key that is neither expired nor "
        "revoked.",
    )  # fmt: skip
    LOGIN_REFUSED = (
        "login-refused", 401, "The login is not right",
        "The user, the password or the token is wrong; a link to log in works once, for ten minutes. Ask an admin for "
        "a new one, or for another password.",
    )  # fmt: skip
    SCOPE_MISSING = (
        "scope-missing", 403, "The scope or role does not allow this",
        "Use a key with the scope that `detail` names, or a user with its role. `admin` includes `operate`, which "
        "includes `read`.",
    )  # fmt: skip
    CSRF_TOKEN_MISSING = (
        "csrf-token-missing", 403, "The session's CSRF token is missing or wrong",
        "With the cookie, send what `GET /api/v1/session` gives as `csrf_token` in the header `X-CSRF-Token`.",
    )  # fmt: skip
    NOT_FOUND = "not-found", 404, "There is no such thing", "The path or the id names nothing that is there."
    METHOD_NOT_ALLOWED = "method-not-allowed", 405, "The method is not allowed here", "`Allow` lists those that are."
    REQUEST_TIMEOUT = "request-timeout", 408, "The body did not arrive in time", "Send it faster."
    NAME_TAKEN = "name-taken", 409, "The name is taken", "Choose another name; a revoked key keeps its own."
    LAST_ADMIN = (
        "last-admin", 409, "This is the last admin", "Make another user an admin of all tenants first.",
    )  # fmt: skip
    SETUP_CLOSED = (
        "setup-closed", 409, "The platform is set up already", "Log in; an admin makes further users.",
    )  # fmt: skip
    ALREADY_SETTLED = (
        "already-settled", 409, "The message is settled already", "It was discarded or replayed before; look at it.",
    )  # fmt: skip
    IMPORT_MOVED = (
        "import-moved", 409, "The import is not where you think",
        "Ask for its state, and go on with the reading after those that it has.",
    )  # fmt: skip
    BODY_TOO_LARGE = "body-too-large", 413, "The body is too large", "Send less at once; `detail` names the limit."
    TOO_MANY_LOGINS = (
        "too-many-logins", 429, "Too many attempts to log in", "Try again after `Retry-After` seconds.",
    )  # fmt: skip
    TOO_MANY_STREAMS = (
        "too-many-streams", 429, "Too many live streams", "Close one, or raise `SENS_API_MAX_LIVE_STREAMS`.",
    )  # fmt: skip
    TOO_MANY_EXPORTS = (
        "too-many-exports", 429, "Too many exports are under way", "Wait until one of them has ended.",
    )  # fmt: skip
    INTERNAL = (
        "internal",
        500,
        "An error of the API",
        "The API's log has the traceback, found by `request_id`. Report it.",
    )
    DATABASE_UNAVAILABLE = (
        "database-unavailable", 503, "PostgreSQL does not answer", "Try again after `Retry-After` seconds.",
    )  # fmt: skip
    QUERY_TOO_LONG = (
        "query-too-long", 503, "The query took too long, or the database is busy",
        "Try again later, or ask for less at once.",
    )  # fmt: skip
    STREAM_UNAVAILABLE = (
        "stream-unavailable", 503, "NATS does not answer", "Try again after `Retry-After` seconds.",
    )  # fmt: skip
    STREAM_FULL = (
        "stream-full", 503, "The log is full", "Try again later: room is made when telemetry workers have stored more.",
    )  # fmt: skip
    WORKERS_BEHIND = (
        "workers-behind", 503, "The telemetry workers are behind",
        "Try again after `Retry-After` seconds: no more is taken in before what came is stored.",
    )  # fmt: skip
    NO_WORKER = "no-worker", 503, "No telemetry worker answers", "Start one, then try again; nothing was done."
    REPLAY_FAILED = (
        "replay-failed", 503, "The replay did not come to its end",
        "`detail` says why. Try again: what was replayed is not stored twice.",
    )  # fmt: skip
    OVERLOADED = (
        "overloaded", 503, "Too many requests are under way", "Try again after `Retry-After` seconds.",
    )  # fmt: skip
    TIMED_OUT = "timed-out", 503, "The answer took too long", "Try again later, or ask for less at once."
    MISCONFIGURED = (
        "misconfigured", 503, "A server refuses the API", "The API's log says what a person must mend.",
    )  # fmt: skip


class FieldProblem(BaseModel):
    """One thing that is wrong with a request."""

    location: str = Field(description="Where: `query.from`, `body.name`, `path.device_id`.", examples=["query.from"])
    message: str = Field(description="What is wrong and what to write.", examples=["write for example now-1h"])


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="Stable name of the kind of problem.", examples=["urn:sens:problem:not-found"])
    title: str = Field(description="The kind in words.", examples=["There is no such thing"])
    status: int = Field(description="The HTTP status code.", examples=[404])
    detail: str = Field(description="What happened here and what to do.", examples=["there is no device 7"])
    instance: str = Field(description="The path that was asked for.", examples=["/api/v1/devices/7"])
    request_id: str = Field(description="As in the header `X-Request-ID` and in the API's log.", examples=["5f0c…"])
    errors: list[FieldProblem] = Field(default=[], description="Each thing that is wrong with the request.")


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(
        self,
        type_: ProblemType,
        detail: str = "",
        *,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or type_.text)
        self.type = type_
        self.detail = detail or type_.text
        self.errors = list(errors)
        self.headers = dict(headers or {})


def invalid(location: str, message: str) -> ProblemError:
    """The error for one parameter that is wrong."""
    return ProblemError(ProblemType.INVALID_REQUEST, message, errors=[FieldProblem(location=location, message=message)])


def response(error: ProblemError, path: str, request_id: str) -> JSONResponse:
    """The answer that tells the error."""
    body = Problem(
        type=error.type.value,
        title=error.type.summary,
        status=error.type.status,
        detail=error.detail,
        instance=path,
        request_id=request_id,
        errors=error.errors,
    )
    headers = error.headers
    if error.type.status in (429, 503):
        headers = {"Retry-After": RETRY_AFTER_S, **headers}
    return JSONResponse(body.model_dump(), error.type.status, headers, media_type=MEDIA_TYPE)


def documented(*types: ProblemType) -> dict[int | str, dict[str, Any]]:
    """What a route says in OpenAPI about the problems that it may answer with."""
    by_status: dict[int | str, list[ProblemType]] = {}
    for each in types:
        by_status.setdefault(each.status, []).append(each)
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": "; ".join(f"{each.summary} (`{each.value}`)" for each in some),
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status, some in by_status.items()
    }


def problems_markdown() -> str:
    """The table of all problem types, for the docs."""
    lines = ["| type | status | title | what to do |", "| --- | --- | --- | --- |"]
    lines += [f"| `{each.value}` | {each.status} | {each.summary} | {each.text} |" for each in ProblemType]
    return "\n".join(lines) + "\n"
