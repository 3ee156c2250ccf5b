"""A connection of a client that may be slow or silent: each of its ways to hold on to the server has an end."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

import h11
from starlette.responses import Response
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

HEADER_TIMEOUT_S = 10.0
"""For the whole header of a request, from the connection or the first byte on."""
MAX_HEADER_BYTES = 16 * 1024
"""Of a request line and its header fields together, as far as they come in several reads."""
STALL_TIMEOUT_S = 30.0
"""How long a client may take nothing of an answer that waits for it."""


class Connection(H11Protocol):
    """uvicorn's connection, with time limits.

    Args:
        max_connections: with more, the one that has waited for a request the longest is closed; None: no limit.
        unreadable: makes the answer to what is no request; None: uvicorn's own.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        max_connections: int | None = None,
        unreadable: Callable[[], Response] | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._max_connections = max_connections
        self._unreadable = unreadable
        self._answered_at: float = self.loop.time()
        self._header_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None

    @property
    def idle_since(self) -> float | None:
        """The loop's time since which no request is under way; None if one is."""
        return self._answered_at if self.cycle is None or self.cycle.response_complete else None  # pyright: ignore[reportUnnecessaryComparison]

    @property
    def _refused(self) -> bool:
        return self.conn.their_state is h11.ERROR

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._header_timer = self.loop.call_later(HEADER_TIMEOUT_S, transport.abort)
        if self._max_connections is not None and len(self.connections) > self._max_connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._header_timer = _cancelled(self._header_timer)
        self._stall_timer = _cancelled(self._stall_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            if self._header_timer is None:
                self._header_timer = self.loop.call_later(HEADER_TIMEOUT_S, self.transport.abort)
        elif not self._refused:
            self._header_timer = _cancelled(self._header_timer)

    def send_400_response(self, msg: str) -> None:
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            # Another answer has begun: there is no place for this one.
            self.transport.abort()
        elif self._unreadable is None:
            super().send_400_response(msg)
        else:
            self._refuse(self._unreadable())

    def _refuse(self, answer: Response) -> None:
        """Answer, and read on until the client closes: closed with something unread, the answer would be lost."""
        headers = [*answer.raw_headers, (b"connection", b"close")]
        for event in (
            h11.Response(status_code=answer.status_code, headers=headers, reason=HTTPStatus(answer.status_code).phrase),
            h11.Data(data=bytes(answer.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.write_eof()
        if self.cycle is not None:  # pyright: ignore[reportUnnecessaryComparison]
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        _cancelled(self._header_timer)
        self._header_timer = self.loop.call_later(HEADER_TIMEOUT_S, self.transport.abort)

    def on_response_complete(self) -> None:
        self._answered_at = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall_timer = self.loop.call_later(STALL_TIMEOUT_S, self.transport.abort)

    def resume_writing(self) -> None:
        self._stall_timer = _cancelled(self._stall_timer)
        super().resume_writing()

    def shutdown(self) -> None:
        """The process is to end: what the client does not take now is not waited for."""
        if self.flow.write_paused or self._refused:
            self.transport.abort()
        else:
            super().shutdown()

    def _make_room(self) -> None:
        idle = dict[float, Connection]()
        for each in cast("set[Connection]", self.connections):
            if each is not self and each.idle_since is not None:
                idle[each.idle_since] = each
        if idle:
            idle[min(idle)].transport.abort()


def _cancelled(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
