"""Readings of one series for the API: raw, text, or aggregated; columns out, exact at any moment."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import cast

import numpy as np

from sens.domain.columns import NEWEST_TIME, OLDEST_TIME, Float64, Int64
from sens.storage.queries import load
from sens.storage.reads import AsyncConnection, fetch_columns, limited
from sens.storage.times import BUCKET, timestamp

_MINUTE = BUCKET // 10
_HOUR = 6 * BUCKET
_DAY = 24 * _HOUR
# A chart has some 2,000 points to show.
_RAW_SPAN = 14 * _DAY  # where there are more in it, their sums are asked for
_TEN_MINUTES_SPAN = 14 * _DAY
_HOUR_SPAN = 90 * _DAY


class Resolution(StrEnum):
    """How readings are summed up; the value is what the API takes."""

    RAW = "raw"
    TEN_SECONDS = "10s"
    MINUTE = "1m"
    TEN_MINUTES = "10m"
    HOUR = "1h"
    DAY = "1d"


# Buckets too small for the rollup: of raw readings only.
_FINE = {Resolution.TEN_SECONDS: _MINUTE // 6, Resolution.MINUTE: _MINUTE}
# How far a bucket may reach beyond the range: a day has up to 26 hours in some zone, an hour two.
_MARGINS = {Resolution.TEN_MINUTES: 2 * BUCKET, Resolution.HOUR: 3 * _HOUR, Resolution.DAY: 28 * _HOUR}
_UNITS = {Resolution.TEN_MINUTES: "10m", Resolution.HOUR: "hour", Resolution.DAY: "day"}


@dataclass(frozen=True, slots=True)
class RawReadings:
    """N readings: time in µs, value."""

    time: Int64
    value: Float64


@dataclass(frozen=True, slots=True)
class TextReadings:
    """N readings of a text series: time in µs, text."""

    time: Int64
    text: list[str]


@dataclass(frozen=True, slots=True)
class Aggregates:
    """N buckets that hold readings, by time.

    Attributes:
        time: start of each in µs.
        count: how many readings.
        min, max, first, last: of the values; first and last by time.
        mean: infinite or NaN where a bucket has a value beyond ±1e290, whose sum no float can hold.
    """

    time: Int64
    count: Int64
    min: Float64
    max: Float64
    mean: Float64
    first: Float64
    last: Float64


def choose_resolution(start: int, end: int, raw_from: int) -> Resolution:
    """The finest resolution that gives a chart of [start, end) at most some 2,000 points, as far as it is kept.

    Args:
        start, end: µs.
        raw_from: µs; before it, raw readings may have been dropped by retention.
    """
    span = end - start
    if span <= _RAW_SPAN and start >= raw_from:
        return Resolution.RAW
    if span <= _TEN_MINUTES_SPAN:
        return Resolution.TEN_MINUTES
    return Resolution.HOUR if span <= _HOUR_SPAN else Resolution.DAY


def choose_sums(start: int, end: int, points: int) -> Resolution:
    """The finest resolution in sums that gives [start, end), of which raw readings are kept, so many points at most;
    ten minutes where that takes more. A range that begins within a bucket has one more."""
    fine = (resolution for resolution, width in _FINE.items() if end - start <= (points - 1) * width)
    return next(fine, Resolution.TEN_MINUTES)


async def read_raw(
    connection: AsyncConnection, series_id: int, start: int, end: int, *, limit: int, newest_first: bool = False
) -> RawReadings:
    """Readings with start <= time < end (µs), by time. For the next page, start at the last time + 1."""
    query = load("read_readings")["raw_newest_first" if newest_first else "raw"]
    time, value = await fetch_columns(connection, query, _range(series_id, start, end, limit)) or ((), ())
    return RawReadings(_int64(time), _float64(value))


async def read_text(
    connection: AsyncConnection, series_id: int, start: int, end: int, *, limit: int, newest_first: bool = False
) -> TextReadings:
    """Texts with start <= time < end (µs), by time."""
    query = load("read_readings")["text_newest_first" if newest_first else "text"]
    time, text = await fetch_columns(connection, query, _range(series_id, start, end, limit)) or ((), ())
    return TextReadings(_int64(time), list(cast("tuple[str, ...]", text)))


async def read_aggregates(
    connection: AsyncConnection,
    series_id: int,
    start: int,
    end: int,
    resolution: Resolution,
    *,
    limit: int,
    time_zone: str = "UTC",
) -> Aggregates:
    """Aggregates of every bucket that overlaps [start, end) (µs), each of the whole bucket.

    Closed buckets of ten minutes and more come from the rollup, all others from raw readings: what is returned
    equals the aggregate of all readings stored, also of those stored a moment ago.

    Args:
        connection: from `Reader.connection`.
        series_id: of numbers or booleans.
        start, end: µs.
        resolution: not RAW.
        limit: buckets at most, at most `MAX_ROWS`.
        time_zone: an IANA name; hours and days begin by its clock.

    Raises:
        DataRefused: PostgreSQL knows no such time zone.
    """
    if resolution in _FINE:
        query, parameters = load("read_readings")["fine_aggregates"], _fine(series_id, start, end, resolution, limit)
    else:
        query = load("read_readings")["aggregates"]
        parameters = _binned(series_id, start, end, resolution, limit, time_zone)
    columns = await fetch_columns(connection, query, parameters) or [()] * 7
    time, count, total, low, high, first, last = columns
    counts = _int64(count)
    return Aggregates(
        time=_int64(time),
        count=counts,
        min=_float64(low),
        max=_float64(high),
        mean=_float64(total) / counts,
        first=_float64(first),
        last=_float64(last),
    )


def _binned(
    series_id: int, start: int, end: int, resolution: Resolution, limit: int, time_zone: str
) -> dict[str, object]:
    unit = _UNITS[resolution]
    return {
        **_range(series_id, start, end, limit),
        "oldest": timestamp(max(start - _MARGINS[resolution], OLDEST_TIME)),
        "newest": timestamp(min(end + _MARGINS[resolution], NEWEST_TIME + BUCKET)),
        "unit": unit,
        "cut_unit": "hour" if unit == "10m" else unit,
        "zone": time_zone,
    }


def _fine(series_id: int, start: int, end: int, resolution: Resolution, limit: int) -> dict[str, object]:
    width = _FINE[resolution]
    whole = _range(series_id, start - start % width, min(end + -end % width, NEWEST_TIME + BUCKET), limit)
    return {**whole, "width": timedelta(microseconds=width)}


def _range(series_id: int, start: int, end: int, limit: int) -> dict[str, object]:
    return {"series": series_id, "start": timestamp(start), "end": timestamp(end), "limit": limited(limit)}


def _int64(column: tuple[object, ...]) -> Int64:
    return np.array(column, np.int64)


def _float64(column: tuple[object, ...]) -> Float64:
    return np.array(column, np.float64)
