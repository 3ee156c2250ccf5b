"""Answers that a client has already are not sent again: entity tags (RFC 9110, section 8.8.3)."""

from hashlib import blake2b
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TAG_BYTES: Final = 12
_KEPT: Final = frozenset({b"date", b"vary", b"set-cookie"})
"""Headers that stand in an answer without the content, too."""


class Conditional:
    """Gives JSON that is sent in one piece a tag, and answers 304 where the client's `If-None-Match` bears it.

    What is sent while it is made, files and events, has none.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        known = Headers(scope=scope).get("if-none-match", "")
        await self._app(scope, receive, _Tagged(send, known))


class _Tagged:
    """Holds the beginning of an answer back until it is seen whether the content is whole."""

    def __init__(self, send: Send, known: str) -> None:
        self._send = send
        self._known = {tag.strip() for tag in known.split(",")}
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_json(message):
            self._start = message
            return
        start, self._start = self._start, None
        if start is None:
            await self._send(message)
        elif message.get("more_body", False):
            await self._send(start)
            await self._send(message)
        else:
            await self._send_tagged(start, message)

    async def _send_tagged(self, start: Message, message: Message) -> None:
        # Weak, as the same content may come compressed or not.
        tag = f'W/"{blake2b(message.get("body", b""), digest_size=_TAG_BYTES).hexdigest()}"'
        if tag in self._known:
            kept = [(name, value) for name, value in start["headers"] if name in _KEPT]
            start, message = {**start, "status": 304, "headers": kept}, {**message, "body": b""}
        MutableHeaders(scope=start)["ETag"] = tag
        await self._send(start)
        await self._send(message)


def _is_json(start: Message) -> bool:
    return start["status"] == 200 and Headers(raw=start["headers"]).get("content-type") == "application/json"
