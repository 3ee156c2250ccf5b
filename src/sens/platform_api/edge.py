"""What happens to every request before and after its route: id, limits of body and time, headers, metrics."""

import asyncio
import re
import secrets
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sens.platform_api.body import has_body, is_read_by_route, read_body, replayed
from sens.platform_api.problems import ProblemError, ProblemType, response
from sens.runtime import metrics

REQUEST_TIMEOUT_S = 75.0
"""Until an answer begins. Longer than the longest thing a route waits for, a replay."""
REQUEST_ID_HEADER = "X-Request-ID"
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
PROBES = frozenset({"/healthz", "/readyz", "/version"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Edge:
    """The outermost ASGI application."""

    def __init__(self, app: ASGIApp, *, timeout_s: float = REQUEST_TIMEOUT_S, max_requests: int = 512) -> None:
        self._app = app
        self._timeout_s = timeout_s
        self._max_requests = max_requests
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        method = scope["method"]
        if method == "HEAD":
            scope = {**scope, "method": "GET"}
        answer = _Answer(send, request_id, bodiless=method == "HEAD")
        started = time.perf_counter()
        metrics.HTTP_IN_FLIGHT.inc()
        self._under_way += 1
        try:
            with structlog.contextvars.bound_contextvars(request_id=request_id):
                await self._serve(scope, receive, answer)
        finally:
            self._under_way -= 1
            metrics.HTTP_IN_FLIGHT.dec()
            _observe(scope, method, answer.status, time.perf_counter() - started)

    async def _serve(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            async with asyncio.timeout(self._timeout_s) as answer.deadline:
                await self._serve_in_time(scope, receive, answer)
        except TimeoutError:
            if answer.begun or not answer.deadline.expired():
                raise
            await _refuse(ProblemError(ProblemType.TIMED_OUT), scope, receive, answer)

    async def _serve_in_time(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        headers = Headers(scope=scope)
        try:
            if scope["path"] not in PROBES and self._under_way > self._max_requests:
                raise ProblemError(ProblemType.OVERLOADED)
            if has_body(headers) and not is_read_by_route(scope["path"]):
                receive = replayed(await read_body(headers, receive), receive)
        except ProblemError as error:
            await _refuse(error, scope, receive, answer)
            return
        await self._app(scope, receive, answer)


class _Answer:
    """Adds headers to an answer and notes its status. Once it has begun, its time is not limited any more.

    Args:
        bodiless: the client wants the header alone (HEAD).
    """

    def __init__(self, send: Send, request_id: str, *, bodiless: bool = False) -> None:
        self._send = send
        self._request_id = request_id
        self._bodiless = bodiless
        self.status = 0
        self.deadline = asyncio.timeout(None)

    @property
    def begun(self) -> bool:
        return self.status != 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if not self.deadline.expired():
                self.deadline.reschedule(None)
            _add_headers(MutableHeaders(scope=message), self._request_id)
            await self._send(message)
            if self._bodiless:
                # Ended at once: what makes the body, which may have no end, is told that nobody takes it.
                await self._send({"type": "http.response.body", "body": b""})
        elif not self._bodiless:
            await self._send(message)


def unreadable_request() -> Response:
    """The answer to what never became a request."""
    request_id = secrets.token_hex(8)
    metrics.HTTP_REQUESTS.labels("other", "unmatched", "400").inc()
    answer = response(ProblemError(ProblemType.BAD_REQUEST), "", request_id)
    _add_headers(answer.headers, request_id)
    return answer


def _add_headers(headers: MutableHeaders, request_id: str) -> None:
    headers[REQUEST_ID_HEADER] = request_id
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)


async def _refuse(error: ProblemError, scope: Scope, receive: Receive, answer: _Answer) -> None:
    await response(error, scope["path"], scope["state"]["request_id"])(scope, receive, answer)


def _request_id(scope: Scope) -> str:
    """The id that a proxy in front gave, if it is a harmless one; else a new one."""
    given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _observe(scope: Scope, method: str, status: int, seconds: float) -> None:
    # The template, never the path: ids in labels would make series without end.
    route = getattr(scope.get("route"), "path", "unmatched")
    method = method if method in _METHODS else "other"
    metrics.HTTP_REQUESTS.labels(method, route, str(status)).inc()
    metrics.HTTP_SECONDS.labels(method, route).observe(seconds)
