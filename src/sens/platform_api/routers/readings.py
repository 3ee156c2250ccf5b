"""Readings of one series, in columns."""

import math
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from sens.domain.columns import Float64
from sens.platform_api.access import READ
from sens.platform_api.caller import CallerOf
from sens.platform_api.models import Model
from sens.platform_api.problems import ProblemType, documented
from sens.platform_api.ranges import DEFAULT_POINTS, MAX_POINTS, Asked, Columns, Given, Request, oldest_raw, read_points
from sens.platform_api.routers.series import Id, NamedKind, find_series
from sens.platform_api.services import ServicesOf
from sens.platform_api.times import TimeRange, TimeZone, rfc3339, time_range
from sens.storage.read_readings import RawReadings, TextReadings

router = APIRouter(prefix="/api/v1/series/{series_id}/readings", tags=["readings"], dependencies=[READ])

RESOLUTION = Query(
    description="`auto`: raw where the range and the number of readings are small, else the finest with some "
    "2,000 buckets. `10s`, `1m` and `10m` begin by UTC, `1h` and `1d` begin by the clock of `time_zone`."
)
_TIMES = Field(description="µs since 1970 UTC, ascending.", examples=[[1767571200000000]])


class RawColumns(Model):
    """Readings as they were stored."""

    time_us: list[int] = _TIMES
    value: list[float] = Field(description="Booleans are 0 and 1.", examples=[[21.5]])


class TextColumns(Model):
    """Texts as they were stored."""

    time_us: list[int] = _TIMES
    text: list[str] = Field(examples=[["running"]])


class AggregateColumns(Model):
    """Sums of all readings in each bucket that has some; `time_us` is where the bucket begins."""

    time_us: list[int] = _TIMES
    count: list[int] = Field(examples=[[60]])
    min: list[float] = Field(examples=[[20.1]])
    max: list[float] = Field(examples=[[22.4]])
    mean: list[float | None] = Field(description="null where no float can hold the sum.", examples=[[21.2]])
    first: list[float] = Field(description="By time.", examples=[[20.1]])
    last: list[float] = Field(description="By time.", examples=[[21.5]])


class Readings(Model):
    """A range of one series."""

    series_id: int = Field(examples=[42])
    kind: NamedKind
    resolution: Given = Field(description="As asked for, or as chosen for `auto`.")
    columns: RawColumns | TextColumns | AggregateColumns
    next_from: str | None = Field(
        description="Give it as `from`, and `resolution` as answered, for the next page; null on the last one.",
        examples=["2026-01-05T14:00:00Z"],
    )


@router.get("", responses=documented(ProblemType.NOT_FOUND))
async def list_readings(
    services: ServicesOf,
    caller: CallerOf,
    series_id: Id,
    range_: Annotated[TimeRange, Depends(time_range)],
    resolution: Annotated[Asked, RESOLUTION] = "auto",
    limit: Annotated[int, Query(ge=1, le=MAX_POINTS, description="Most points of the page.")] = DEFAULT_POINTS,
    time_zone: TimeZone = "UTC",
) -> Readings:
    """Readings with from <= time < to, by time; buckets that overlap the range are whole."""
    series = await find_series(services, caller, series_id)
    request = Request(range_, resolution, limit, time_zone)
    points = await read_points(services.database, series, request, oldest_raw(services.configuration))
    return Readings.model_validate(
        {
            "series_id": series_id,
            "kind": series.kind,
            "resolution": points.resolution.value,
            "columns": _columns(points.columns),
            "next_from": None if points.next_from is None else rfc3339(points.next_from),
        }
    )


def _columns(found: Columns) -> RawColumns | TextColumns | AggregateColumns:
    columns = plain_columns(found)
    if isinstance(found, RawReadings):
        return RawColumns.model_validate(columns)
    if isinstance(found, TextReadings):
        return TextColumns.model_validate(columns)
    return AggregateColumns.model_validate(columns)


def plain_columns(found: Columns) -> dict[str, list[Any]]:
    """The columns of an answer, by name."""
    times = found.time.tolist()
    if isinstance(found, RawReadings):
        return {"time_us": times, "value": found.value.tolist()}
    if isinstance(found, TextReadings):
        return {"time_us": times, "text": found.text}
    return {
        "time_us": times,
        "count": found.count.tolist(),
        "min": found.min.tolist(),
        "max": found.max.tolist(),
        "mean": _finite(found.mean),
        "first": found.first.tolist(),
        "last": found.last.tolist(),
    }


def _finite(column: Float64) -> list[float | None]:
    """JSON has neither infinity nor NaN."""
    return [value if math.isfinite(value) else None for value in column.tolist()]
