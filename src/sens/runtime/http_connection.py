"""A connection of a client that may be slow or silent: each of its ways to hold on to the server has an end."""

import asyncio
from typing import Any, cast

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

HEADER_TIMEOUT_S = 10.0
"""For the whole header of a request, from the connection or the first byte on."""
STALL_TIMEOUT_S = 30.0
"""How long a client may take nothing of an answer that waits for it."""


class Connection(H11Protocol):
    """uvicorn's connection, with time limits.

    Args:
        max_connections: with more, the one that has waited for a request the longest is closed; None: no limit.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        max_connections: int | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._max_connections = max_connections
        self._answered_at: float = self.loop.time()
        self._header_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None

    @property
    def idle_since(self) -> float | None:
        """The loop's time since which no request is under way; None if one is."""
        return self._answered_at if self.cycle is None or self.cycle.response_complete else None  # pyright: ignore[reportUnnecessaryComparison]

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
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._header_timer = _cancelled(self._header_timer)
        elif self._header_timer is None:
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
        if self.flow.write_paused:
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
