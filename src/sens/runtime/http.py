"""Serving HTTP inside a process that has other things to do.

uvicorn and starlette come with FastAPI anyway, and cost little: 4 MB, and with the heartbeat 0.3 % of a
core when idle (measured).
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial
from typing import cast

import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp

from sens.domain.errors import Fatal
from sens.runtime.http_connection import MAX_HEADER_BYTES, Connection

MAX_UNSENT_BYTES = 128 * 1024
"""Of an answer, that wait in the kernel until the client takes them. It would hold megabytes for each client, of a live
stream old news."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals to the lifetime, which drains all parts in order."""
        yield


@contextlib.asynccontextmanager
async def serve(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    port_variable: str,
    max_connections: int | None = None,
    unreadable: Callable[[], Response] | None = None,
    shutdown_timeout_s: int = 5,
) -> AsyncGenerator[int]:
    """Serve `app` while the context lasts; yields the port (a free one where 0 was asked for).

    With more than `max_connections` open, those that wait for a request are closed, the longest waiting first.
    What is no HTTP is answered with what `unreadable` makes.
    ASGI lifespan is off: what the app needs is opened by who serves it. Leaving the context, requests
    under way may take `shutdown_timeout_s` to end.

    Raises:
        Fatal: the port cannot be had; the text names `port_variable`.
    """
    listener = _listen(host, port, port_variable)
    protocol = partial(Connection, max_connections=max_connections, unreadable=unreadable)
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",  # below it are lines about its own start and end
        access_log=False,
        lifespan="off",
        server_header=False,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        http=cast("type[asyncio.Protocol]", protocol),
        timeout_graceful_shutdown=shutdown_timeout_s,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listener]), name="http server")
    try:
        await server.listening.wait()
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await serving
        listener.close()


def _listen(host: str, port: int, port_variable: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise Fatal(
            f"cannot listen on {host} port {port}: {error.strerror or error}; "
            f"stop what uses it or give another one with {port_variable}"
        ) from error
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # its connections have it as well
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT_BYTES)
    return listener
