"""A request's body: read whole before its route runs, so that its size and its time have a limit.

Large ones are read by their route, which runs once it is known who sends them.
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Message, Receive

from sens.platform_api.problems import ProblemError, ProblemType

MAX_BODY_BYTES = 64 * 1024
MAX_IMPORT_BODY_BYTES = 512 * 1024
BODY_TIMEOUT_S = 10.0
MAX_LARGE_BODIES = 16
"""Held at once, with all that is made of them."""
_LARGE_BODY_PATH = re.compile(r"/api/v1/imports/[^/]+/[^/]+")


def has_body(headers: Headers) -> bool:
    """Whether a body follows the headers."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def is_read_by_route(path: str) -> bool:
    """Whether bodies that are sent to the path may be large, and are left for its route to read by `LargeBodies`."""
    return _LARGE_BODY_PATH.fullmatch(path) is not None


class LargeBodies:
    """Reads bodies that may be larger than others, of clients that are known: so many at once."""

    def __init__(self, most: int = MAX_LARGE_BODIES) -> None:
        self._room = most

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncGenerator[bytes]:
        """The body of a request; it has its place until what was made of it is not needed any more.

        Raises:
            ProblemError: there is no place now; or the body is larger than `MAX_IMPORT_BODY_BYTES`, or too slow.
        """
        if self._room == 0:
            raise ProblemError(ProblemType.OVERLOADED, "too many imports are under way")
        self._room -= 1
        try:
            # Not `request.body()`: the request would keep it, in a circle with its application, until the collector
            # comes by.
            yield await read_body(request.headers, request.receive, MAX_IMPORT_BODY_BYTES)
        finally:
            self._room += 1


async def read_body(headers: Headers, receive: Receive, limit_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The whole body; what has arrived of it where the client goes away.

    Raises:
        ProblemError: larger than `limit_bytes`, or slower than `BODY_TIMEOUT_S`.
    """
    declared = headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise too_large(limit_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            more = True
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > limit_bytes:
                    raise too_large(limit_bytes)
    except TimeoutError as error:
        raise ProblemError(ProblemType.REQUEST_TIMEOUT, headers={"Connection": "close"}) from error
    return bytes(body)


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once, and then what the client does next."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def give() -> Message:
        return waiting.pop() if waiting else await receive()

    return give


def too_large(limit_bytes: int) -> ProblemError:
    """The error for a body of more bytes."""
    return ProblemError(
        ProblemType.BODY_TOO_LARGE, f"at most {limit_bytes} bytes are taken", headers={"Connection": "close"}
    )
