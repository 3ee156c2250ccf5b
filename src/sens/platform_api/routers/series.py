"""Series, and the newest reading of each."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BeforeValidator, Field

from sens.domain.columns import Kind
from sens.platform_api.access import READ
from sens.platform_api.models import Model, Moment, Page
from sens.platform_api.paging import Cursor, Limit, NameFilter, RowId, cut, parse_cursor
from sens.platform_api.problems import ProblemError, ProblemType, documented
from sens.platform_api.services import Services, ServicesOf
from sens.storage import read_devices
from sens.storage.read_devices import SeriesFilter

router = APIRouter(prefix="/api/v1", tags=["series"], dependencies=[READ])

Id = Annotated[int, Path(ge=1, le=2**31 - 1)]
MAX_IDS = 1000


class KindName(StrEnum):
    """What a series holds; booleans are stored as 0 and 1."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"


def _kind_name(value: object) -> object:
    return KindName(Kind(value).name.lower()) if isinstance(value, int) else value


NamedKind = Annotated[KindName, BeforeValidator(_kind_name)]
"""From a `Kind`."""


class Series(Model):
    """The readings of one metric of one device."""

    id: int = Field(examples=[42])
    device_id: int = Field(examples=[7])
    device: str = Field(examples=["boiler-1"])
    source: str = Field(examples=["plant-a"])
    metric: str = Field(examples=["temperature"])
    unit: str = Field(description="As declared or sent; empty if none.", examples=["Cel"])
    kind: NamedKind
    created_at: Moment


class SeriesPage(Page):
    """Series by id."""

    items: list[Series]


class Latest(Model):
    """The newest reading of a series."""

    series_id: int = Field(examples=[42])
    device_id: int = Field(examples=[7])
    device: str = Field(examples=["boiler-1"])
    source: str = Field(examples=["plant-a"])
    metric: str = Field(examples=["temperature"])
    unit: str = Field(examples=["Cel"])
    kind: NamedKind
    time: Moment
    value: float | None = Field(description="null where the kind is text. Booleans are 0 and 1.", examples=[21.5])
    text: str | None = Field(description="null where the kind is not text.", examples=[None])
    age_s: float = Field(description="By the database's clock; below 0 for a time ahead of it.", examples=[0.8])


class LatestPage(Page):
    """Newest readings by series id."""

    items: list[Latest]


def series_filter(
    ids: Annotated[
        list[Annotated[int, Query(ge=1, le=2**31 - 1)]] | None,
        Query(alias="id", max_length=MAX_IDS, description="Ids of series, `id=1&id=2`."),
    ] = None,
    device_id: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    device: NameFilter = None,
    source: NameFilter = None,
    metric: NameFilter = None,
) -> SeriesFilter:
    """Series that fit everything given; names are exact."""
    return SeriesFilter(ids=ids, device_id=device_id, device=device, source=source, metric=metric)


Filter = Annotated[SeriesFilter, Depends(series_filter)]


@router.get("/series")
async def list_series(services: ServicesOf, which: Filter, cursor: Cursor = None, limit: Limit = 100) -> SeriesPage:
    """Series by id."""
    after = parse_cursor(cursor, RowId) or 0
    async with services.database.connection() as connection:
        rows = await read_devices.list_series(connection, which, after=after, limit=limit + 1)
    rows, next_cursor = cut(rows, limit, lambda row: row.id)
    return SeriesPage(items=[Series.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.get("/series/{series_id}", responses=documented(ProblemType.NOT_FOUND))
async def get_series(services: ServicesOf, series_id: Id) -> Series:
    """One series."""
    return Series.model_validate(await find_series(services, series_id))


@router.get("/latest")
async def list_latest(services: ServicesOf, which: Filter, cursor: Cursor = None, limit: Limit = 1000) -> LatestPage:
    """The newest reading of each series that has one, by series id."""
    after = parse_cursor(cursor, RowId) or 0
    async with services.database.connection() as connection:
        rows = await read_devices.list_latest(connection, which, after=after, limit=limit + 1)
    rows, next_cursor = cut(rows, limit, lambda row: row.series_id)
    return LatestPage(items=[Latest.model_validate(row) for row in rows], next_cursor=next_cursor)


async def find_series(services: Services, series_id: int) -> read_devices.Series:
    """The series' row.

    Raises:
        ProblemError: there is none.
    """
    found = await services.names.find([series_id])
    if series_id not in found:
        raise ProblemError(ProblemType.NOT_FOUND, f"there is no series {series_id}")
    return found[series_id]
