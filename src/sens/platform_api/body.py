"""A request's body: read whole before its route runs, so that its size and its time have a limit."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from sens.platform_api.problems import ProblemError, ProblemType

MAX_BODY_BYTES = 64 * 1024
BODY_TIMEOUT_S = 10.0


def has_body(headers: Headers) -> bool:
    """Whether a body follows the headers."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


async def read_body(headers: Headers, receive: Receive) -> bytes:
    """The whole body; what has arrived of it where the client goes away.

    Raises:
        ProblemError: larger than `MAX_BODY_BYTES`, or slower than `BODY_TIMEOUT_S`.
    """
    declared = headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            more = True
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > MAX_BODY_BYTES:
                    raise _too_large()
    except TimeoutError as error:
        raise ProblemError(ProblemType.REQUEST_TIMEOUT, headers={"Connection": "close"}) from error
    return bytes(body)


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once, and then what the client does next."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def give() -> Message:
        return waiting.pop() if waiting else await receive()

    return give


def _too_large() -> ProblemError:
    return ProblemError(
        ProblemType.BODY_TOO_LARGE, f"at most {MAX_BODY_BYTES} bytes are taken", headers={"Connection": "close"}
    )
