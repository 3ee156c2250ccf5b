"""How the API reads: a pool of connections with short time limits, each statement its own snapshot."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import LiteralString, TypeVar

import psycopg
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from sens.storage.connection import connection_parameters
from sens.storage.errors import DatabaseBusy, translated
from sens.storage.times import MicrosecondsLoader

AsyncConnection = psycopg.AsyncConnection[tuple[object, ...]]

MAX_ROWS = 10_000
"""What no list may exceed, whatever is asked for."""
STATEMENT_TIMEOUT_S = 10.0
POOL_SIZE = 8
POOL_WAIT_S = 5.0
CHECK_TIMEOUT_S = 2.0
"""For the question whether a connection that waited in the pool still works."""
ANSWER_GRACE_S = 2.0
"""How much longer than its statement timeout a server is waited for: one that hangs keeps no time itself."""
# Unused connections beyond the first go after this.
POOL_IDLE_S = 300.0

Row = TypeVar("Row")


class Reader:
    """The API's pool. `async with Reader(url) as reader: async with reader.connection() as connection: …`"""

    def __init__(self, url: str, *, size: int = POOL_SIZE, statement_timeout_s: float = STATEMENT_TIMEOUT_S) -> None:
        """
        Args:
            url: a PostgreSQL URL.
            size: connections at most; who finds none free waits up to `POOL_WAIT_S`.
            statement_timeout_s: a longer query ends with DatabaseBusy.

        Raises:
            DatabaseDenied: the URL cannot be read.
        """
        parameters = connection_parameters(url, application_name="sens api", statement_timeout_s=statement_timeout_s)
        self._pool: AsyncConnectionPool[AsyncConnection] = AsyncConnectionPool(
            parameters,
            # Plans are made for the values at hand: which partitions to look into depends on them.
            kwargs={"autocommit": True, "prepare_threshold": None},
            min_size=1,
            max_size=size,
            timeout=POOL_WAIT_S,
            max_idle=POOL_IDLE_S,
            open=False,
            check=_check,
        )
        self._limit_s = statement_timeout_s + ANSWER_GRACE_S

    async def __aenter__(self) -> "Reader":
        """Start connecting, without waiting for a database that may be away."""
        await self._pool.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[AsyncConnection]:
        """A connection in autocommit, for one or more statements that together take no longer than one may.

        Raises:
            DatabaseAway: none could be had in `POOL_WAIT_S`.
            DatabaseBusy: there was no answer in time, as from a server that hangs.
        """
        with translated():
            async with self._pool.connection() as connection:
                with _ended_after(connection, self._limit_s):
                    yield connection


async def _check(connection: AsyncConnection) -> None:
    with _ended_after(connection, CHECK_TIMEOUT_S):
        await AsyncConnectionPool.check_connection(connection)


@contextmanager
def _ended_after(connection: AsyncConnection, seconds: float) -> Generator[None]:
    """Break the connection if the block takes longer: then whatever waits for an answer fails.

    Cancelling would not do: psycopg then asks the server to cancel, and waits for its answer.

    Raises:
        DatabaseBusy: it took longer.
    """
    ended = False

    def end() -> None:
        nonlocal ended
        ended = True
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.pgconn.socket)) as wire:
            wire.shutdown(socket.SHUT_RDWR)

    timer = asyncio.get_running_loop().call_later(seconds, end)
    try:
        yield
    except Exception as error:
        if ended:
            raise DatabaseBusy(f"PostgreSQL did not answer within {seconds:g} s; try again") from error
        raise
    finally:
        timer.cancel()


async def fetch(
    connection: AsyncConnection, query: LiteralString, parameters: Mapping[str, object], row: type[Row]
) -> list[Row]:
    """Run a query and return its rows as `row`, built by column name; times as int µs.

    Raises:
        DatabaseAway, DatabaseBusy, DataRefused: see `sens.storage.errors`.
    """
    with translated():
        async with connection.cursor(binary=True, row_factory=class_row(row)) as cursor:
            cursor.adapters.register_loader("timestamptz", MicrosecondsLoader)
            await cursor.execute(query, parameters)
            return await cursor.fetchall()


async def fetch_columns(
    connection: AsyncConnection, query: LiteralString, parameters: Mapping[str, object]
) -> list[tuple[object, ...]]:
    """Run a query and return its columns, or none at all where there is no row; times as int µs."""
    with translated():
        async with connection.cursor(binary=True) as cursor:
            cursor.adapters.register_loader("timestamptz", MicrosecondsLoader)
            await cursor.execute(query, parameters)
            return list(zip(*await cursor.fetchall(), strict=True))


def limited(limit: int) -> int:
    """The limit to put into a query: at least 1, at most `MAX_ROWS`."""
    return max(1, min(limit, MAX_ROWS))
