"""Readings of many series as a file that is written while it is read: as long as one likes, in bounded memory.

The writers of the formats are synchronous: they work in a thread, which asks the event loop for the next rows and
gives it what is to be sent, and waits where the client is slow.
"""

import asyncio
import io
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from contextlib import aclosing
from enum import StrEnum
from typing import IO, Any, TypeVar, cast

import anyio
import numpy as np
from arro3.core import RecordBatch, RecordBatchReader, Schema
from arro3.io import write_csv, write_ipc_stream, write_parquet

from sens.platform_api.ranges import LONGEST_DAYS, Columns, Request, cut, read_page
from sens.platform_api.tables import schema_of, table
from sens.platform_api.times import DAY, TimeRange
from sens.storage.read_devices import Series
from sens.storage.read_readings import Resolution
from sens.storage.reads import Reader

T = TypeVar("T")
MAX_EXPORTS = 4
"""At once: each has a thread and holds what it writes next."""
ROWS_PER_PAGE = 9_999
"""One less than a list may have: one more says whether there is a next page."""
ROWS_PER_GROUP = 100_000
"""Of a Parquet file: a group is held until it is written."""
CHUNKS_AHEAD = 4


class FileFormat(StrEnum):
    """What an export may be; the value is what the API takes and the end of a file's name."""

    CSV = "csv"
    ARROW = "arrow"
    PARQUET = "parquet"

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self]


_MEDIA_TYPES = {
    FileFormat.CSV: "text/csv; charset=utf-8; header=present",
    FileFormat.ARROW: "application/vnd.apache.arrow.stream",
    FileFormat.PARQUET: "application/vnd.apache.parquet",
}


async def rows(
    database: Reader, several: Sequence[Series], range_: TimeRange, resolution: Resolution, time_zone: str
) -> AsyncGenerator[RecordBatch]:
    """All points of the range, series by series, each by time. Each page is as of the moment when it is read.

    Raises:
        DatabaseAway, DatabaseBusy: in the midst of it, too.
    """
    for series in several:
        newest = -1
        for part in _parts(range_, int(LONGEST_DAYS[resolution] * DAY)):
            async for columns in _pages(database, series, part, resolution, time_zone):
                # The bucket in which a part ends is whole in that one, and begins the next once more.
                known = int(np.searchsorted(columns.time, newest, side="right"))
                new = cut(columns, slice(known, None))
                newest = int(new.time[-1]) if len(new.time) else newest
                yield table(series, new)  # without rows as well: the header comes with the first


async def begun(batches: AsyncGenerator[RecordBatch]) -> AsyncGenerator[RecordBatch]:
    """The same batches, of which the first has been read.

    Raises: what reading it raises.
    """
    first = await anext(batches)

    async def all_of_them() -> AsyncGenerator[RecordBatch]:
        async with aclosing(batches):
            yield first
            async for batch in batches:
                yield batch

    return all_of_them()


async def _pages(
    database: Reader, series: Series, range_: TimeRange, resolution: Resolution, time_zone: str
) -> AsyncGenerator[Columns]:
    start: int | None = range_.start
    while start is not None:
        request = Request(TimeRange(start, range_.end), resolution.value, ROWS_PER_PAGE, time_zone)
        page = await read_page(database, series, request, resolution)
        yield page.columns
        start = page.next_from


def _parts(range_: TimeRange, longest: int) -> Iterator[TimeRange]:
    for start in range(range_.start, range_.end, longest):
        yield TimeRange(start, min(start + longest, range_.end))


async def file_of(
    batches: AsyncGenerator[RecordBatch], resolution: Resolution, format_: FileFormat
) -> AsyncGenerator[bytes]:
    """The file's bytes. Closing the generator ends the writing.

    Raises: what the batches raise; the file is not whole then.
    """
    loop, chunks = asyncio.get_running_loop(), asyncio.Queue[bytes | None](CHUNKS_AHEAD)
    bridge = _Bridge(loop, batches, chunks)
    writing = loop.run_in_executor(None, bridge.run, _WRITERS[format_], schema_of(resolution))
    try:
        while (chunk := await chunks.get()) is not None:
            yield chunk
        await writing
    finally:
        bridge.close()
        # A client that leaves cancels everything, again at each wait: the thread has to be waited for all the same.
        with anyio.CancelScope(shield=True):
            await asyncio.wait({writing})
            await batches.aclose()


Writer = Callable[[RecordBatchReader, IO[bytes]], None]


def _parquet(reader: RecordBatchReader, file: IO[bytes]) -> None:
    write_parquet(reader, file, compression="zstd(3)", max_row_group_size=ROWS_PER_GROUP)


def _arrow(reader: RecordBatchReader, file: IO[bytes]) -> None:
    write_ipc_stream(reader, file, compression=None)


_WRITERS: dict[FileFormat, Writer] = {
    FileFormat.CSV: write_csv,
    FileFormat.ARROW: _arrow,
    FileFormat.PARQUET: _parquet,
}


class _Closed(Exception):
    """Nobody takes the file any more."""


class _Bridge:
    """Between the thread that writes and the event loop that reads and sends. It is the writer's file."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        batches: AsyncGenerator[RecordBatch],
        chunks: "asyncio.Queue[bytes | None]",
    ) -> None:
        self._loop = loop
        self._batches = batches
        self._chunks = chunks
        self._error: Exception | None = None
        self.closed = False

    def close(self) -> None:
        """In the event loop: nobody takes the file any more. A thread that waits for room finds it, and then this."""
        self.closed = True
        while not self._chunks.empty():
            self._chunks.get_nowait()

    def run(self, writer: Writer, schema: Schema) -> None:
        """In the thread: write the file, and None at its end.

        Raises: what the batches raise.
        """
        try:
            writer(RecordBatchReader.from_batches(schema, self._rows()), cast("IO[bytes]", self))
        except Exception as error:
            if not self.closed:
                # The writer tells of an error of the rows' in words of its own.
                raise self._error or error from error
        finally:
            if not self.closed:
                self._in_loop(self._chunks.put(None))

    def _rows(self) -> Iterator[RecordBatch]:
        while not self.closed:
            try:
                rows = self._in_loop(self._next())
            except Exception as error:
                self._error = error
                raise
            if rows is None:
                return
            yield rows
        raise _Closed

    async def _next(self) -> RecordBatch | None:
        return await anext(self._batches, None)

    def _in_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def write(self, data: bytes) -> int:
        if self.closed:
            raise _Closed
        self._in_loop(self._chunks.put(bytes(data)))
        return len(data)

    def flush(self) -> None: ...

    def seek(self, *_: object) -> int:
        raise io.UnsupportedOperation
