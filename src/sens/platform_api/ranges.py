"""Reading a range of one or several series: at which resolution, how far, and where the next page begins."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Literal

from sens.platform_api.problems import invalid
from sens.platform_api.times import DAY, TimeRange
from sens.sources.models import Configuration
from sens.storage.read_devices import Series
from sens.storage.read_readings import (
    Aggregates,
    RawReadings,
    Resolution,
    TextReadings,
    choose_resolution,
    choose_sums,
    read_aggregates,
    read_raw,
    read_text,
)
from sens.storage.reads import Reader

MAX_POINTS = 5000
DEFAULT_POINTS = 2500
READ_AT_ONCE = 4
"""Of the pool's connections, for the series of one request."""
LONGEST_DAYS = {
    Resolution.RAW: 366,
    Resolution.TEN_SECONDS: 1,
    Resolution.MINUTE: 7,
    Resolution.TEN_MINUTES: 70,
    Resolution.HOUR: 400,
    Resolution.DAY: 3660,
}
"""The longest range at each resolution: what a query may have to look through."""

Given = Literal["raw", "10s", "1m", "10m", "1h", "1d"]
Asked = Literal["auto", "raw", "10s", "1m", "10m", "1h", "1d"]
Columns = RawReadings | TextReadings | Aggregates


@dataclass(frozen=True, slots=True)
class Points:
    """What was found. `next_from`: µs where the next page begins, None on the last one."""

    resolution: Resolution
    columns: Columns
    next_from: int | None


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for; `limit`: points at most; `time_zone`: by whose clock hours and days begin."""

    range: TimeRange
    resolution: Asked
    limit: int
    time_zone: str


async def read_points(database: Reader, series: Series, request: Request, raw_from: int) -> Points:
    """The first `limit` points of the range.

    Args:
        raw_from: µs; before it, raw readings may have been dropped.

    Raises:
        ProblemError: the range is too long, or the series has no such resolution.
    """
    resolution = _resolution(series, request, raw_from)
    points = await read_page(database, series, request, resolution)
    if request.resolution == "auto" and resolution is Resolution.RAW and points.next_from and not series.is_text:
        # More readings than a chart has points: sum them up rather than show a part of the range.
        return await read_page(database, series, request, choose_sums(*request.range, request.limit))
    return points


def oldest_raw(configuration: Configuration) -> int:
    """µs; before it, raw readings may have been dropped by retention."""
    keep = configuration.retention.raw
    return 0 if keep is None else time.time_ns() // 1000 - keep // timedelta(microseconds=1)


def _resolution(series: Series, request: Request, raw_from: int) -> Resolution:
    start, end = request.range
    if series.is_text:
        if request.resolution not in ("auto", "raw"):
            raise invalid("query.resolution", "texts cannot be summed up: ask for resolution=raw")
        resolution = Resolution.RAW
    elif request.resolution == "auto":
        resolution = choose_resolution(start, end, raw_from)
    else:
        resolution = Resolution(request.resolution)
    longest = LONGEST_DAYS[resolution]
    if end - start > longest * DAY:
        coarser = "" if resolution is Resolution.DAY else ", or a coarser resolution"
        raise invalid("query.from", f"at most {longest} days at resolution {resolution}: ask for less at once{coarser}")
    return resolution


async def read_several(database: Reader, several: Sequence[Series], request: Request, raw_from: int) -> list[Points]:
    """As `read_points`, of each series, all of numbers at the same resolution: their buckets are aligned."""
    asked = request
    if request.resolution == "auto" and not all(series.is_text for series in several):
        asked = replace(request, resolution=choose_resolution(*request.range, raw_from).value)
    points = await _gather(database, several, asked, raw_from)
    if request.resolution == "auto" and asked.resolution == Resolution.RAW and _too_many(several, points):
        sums = choose_sums(*request.range, request.limit)
        return await _gather(database, several, replace(request, resolution=sums.value), raw_from)
    return points


async def _gather(database: Reader, several: Sequence[Series], request: Request, raw_from: int) -> list[Points]:
    at_once = asyncio.Semaphore(READ_AT_ONCE)

    async def read(series: Series) -> Points:
        own = replace(request, resolution="auto") if series.is_text else request
        resolution = _resolution(series, own, raw_from)
        async with at_once:
            return await read_page(database, series, own, resolution)

    return await asyncio.gather(*map(read, several))


def _too_many(several: Sequence[Series], points: Sequence[Points]) -> bool:
    return any(each.next_from and not series.is_text for series, each in zip(several, points, strict=True))


async def read_page(database: Reader, series: Series, request: Request, resolution: Resolution) -> Points:
    """The first `limit` points of the range, however long it is."""
    start, end = request.range
    async with database.connection() as connection:
        columns: Columns
        if series.is_text:
            columns = await read_text(connection, series.id, start, end, limit=request.limit + 1)
        elif resolution is Resolution.RAW:
            columns = await read_raw(connection, series.id, start, end, limit=request.limit + 1)
        else:
            columns = await read_aggregates(
                connection, series.id, start, end, resolution, limit=request.limit + 1, time_zone=request.time_zone
            )
    if len(columns.time) <= request.limit:
        return Points(resolution, columns, None)
    return Points(resolution, cut(columns, slice(request.limit)), int(columns.time[request.limit]))


def cut(columns: Columns, points: slice) -> Columns:
    """Some of the points."""
    return replace(columns, **{each.name: getattr(columns, each.name)[points] for each in fields(columns)})
