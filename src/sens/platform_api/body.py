"""A request's body: read whole before its route runs, so that its size and its time have a limit."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from sens.platform_api.problems import ProblemError, ProblemType

MAX_BODY_BYTES = 64 * 1024
MAX_IMPORT_BODY_BYTES = 512 * 1024
IMPORTS_PATH = "/api/v1/imports/"
BODY_TIMEOUT_S = 10.0


def has_body(headers: Headers) -> bool:
    """Whether a body follows the headers."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def max_body_bytes(path: str) -> int:
    """How long a body may be that is sent to the path."""
    return MAX_IMPORT_BODY_BYTES if path.startswith(IMPORTS_PATH) else MAX_BODY_BYTES


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
