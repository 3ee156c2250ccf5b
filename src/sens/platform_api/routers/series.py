"""Series, and the newest reading of each."""

from dataclasses import replace
from enum import StrEnum
from operator import attrgetter
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BeforeValidator, Field

from sens.domain.columns import Kind
from sens.platform_api.access import OPERATE, READ
from sens.platform_api.auditing import AuditorOf, Subject, changed
from sens.platform_api.caller import Caller, CallerOf
from sens.platform_api.models import ONE_LINE, Label, Model, Moment, Page
from sens.platform_api.paging import (
    Cursor,
    DeviceNameFilter,
    Limit,
    MetricFilter,
    RowId,
    SourceFilter,
    cut,
    parse_cursor,
)
from sens.platform_api.problems import ProblemError, ProblemType, documented
from sens.platform_api.search import SeenSince, UnseenSince, Words, moment_of, words_of
from sens.platform_api.services import Services, ServicesOf
from sens.platform_api.times import rfc3339
from sens.storage import annotations, read_devices
from sens.storage.read_devices import SeriesFilter

router = APIRouter(prefix="/api/v1", tags=["series"], dependencies=[READ])

Id = Annotated[int, Path(ge=1, le=2**31 - 1, examples=[42])]
MAX_IDS = 1000
_encode = msgspec.json.Encoder().encode
_Q = "Words that are in the metric, the display name, the device's name or label, or the source's name."


class KindName(StrEnum):
    """What a series holds; booleans are stored as 0 and 1."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"

    @classmethod
    def of(cls, kind: int) -> "KindName":
        """The name of a `Kind`."""
        return _KIND_NAMES[kind]


_KIND_NAMES = {kind.value: KindName(kind.name.lower()) for kind in Kind}


def _kind_name(value: object) -> object:
    return KindName.of(value) if isinstance(value, int) else value


NamedKind = Annotated[KindName, BeforeValidator(_kind_name)]
"""From a `Kind`."""


class Series(Model):
    """The readings of one metric of one device."""

    id: int = Field(examples=[42])
    device_id: int = Field(examples=[7])
    device: str = Field(examples=["boiler-1"])
    source: str = Field(examples=["plant-a"])
    metric: str = Field(examples=["temperature"])
    unit: str = Field(description="As it is to be shown; empty if none.", examples=["°C"])
    unit_sent: str = Field(description="As declared or sent.", examples=["Cel"])
    kind: NamedKind
    created_at: Moment
    display_name: str | None = Field(description="For people; null where nobody gave one.", examples=["Flow"])
    precision: int | None = Field(description="Decimal places to show; null: as many as there are.", examples=[1])


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
    stale: bool = Field(
        description="Older than twice the interval in which the device is expected to send.", examples=[False]
    )


class LatestPage(Page):
    """Newest readings by series id."""

    items: list[Latest]


class SeriesChange(Model):
    """What to change; what is left out stays, null takes it back."""

    display_name: Label | None = Field(default=None, examples=["Flow temperature"])
    unit: Annotated[str, Field(max_length=32, pattern=ONE_LINE)] | None = Field(
        default=None, description="To be shown in place of the unit that is sent.", examples=["°C"]
    )
    precision: int | None = Field(
        default=None, strict=True, ge=0, le=15, description="Decimal places to show.", examples=[1]
    )


def series_filter(
    caller: CallerOf,
    ids: Annotated[
        list[Annotated[int, Query(ge=1, le=2**31 - 1)]] | None,
        Query(alias="id", max_length=MAX_IDS, description="Ids of series, `id=1&id=2`.", examples=[[42, 43]]),
    ] = None,
    device_id: Annotated[int | None, Query(ge=1, le=2**31 - 1, examples=[7])] = None,
    device: DeviceNameFilter = None,
    source: SourceFilter = None,
    metric: MetricFilter = None,
) -> SeriesFilter:
    """Series that fit everything given; names are exact."""
    return SeriesFilter(
        ids=ids, device_id=device_id, device=device, source=source, metric=metric, tenant_id=caller.tenant_id
    )


Filter = Annotated[SeriesFilter, Depends(series_filter)]


def series_search(
    which: Filter,
    q: Annotated[Words, Query(description=_Q)] = None,
    silent: Annotated[
        bool | None,
        Query(description="Only those that sent nothing for twice the device's expected interval, or that did."),
    ] = None,
    seen_since: SeenSince = None,
    unseen_since: UnseenSince = None,
) -> SeriesFilter:
    """As `series_filter`, and by words and newest readings."""
    return replace(
        which,
        words=words_of(q),
        silent=silent,
        seen_since=moment_of(seen_since, "query.seen_since"),
        unseen_since=moment_of(unseen_since, "query.unseen_since"),
    )


@router.get("/series")
async def list_series(
    services: ServicesOf,
    which: Annotated[SeriesFilter, Depends(series_search)],
    cursor: Cursor = None,
    limit: Limit = 100,
) -> SeriesPage:
    """Series by id."""
    after = parse_cursor(cursor, RowId) or 0
    async with services.database.connection() as connection:
        rows = await read_devices.list_series(connection, which, after=after, limit=limit + 1)
    rows, next_cursor = cut(rows, limit, lambda row: row.id)
    return SeriesPage(items=[Series.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.get("/series/{series_id}", responses=documented(ProblemType.NOT_FOUND))
async def get_series(services: ServicesOf, caller: CallerOf, series_id: Id) -> Series:
    """One series."""
    return Series.model_validate(await find_series(services, caller, series_id))


@router.patch("/series/{series_id}", dependencies=[OPERATE], responses=documented(ProblemType.NOT_FOUND))
async def change_series(
    services: ServicesOf, caller: CallerOf, audit: AuditorOf, series_id: Id, body: SeriesChange
) -> Series:
    """Change how a series is shown. Its readings stay what they are: no value is converted."""
    given = body.model_dump(exclude_unset=True)
    if "unit" in given:
        given["unit_shown"] = given.pop("unit")
    async with services.database.connection() as connection, connection.transaction():
        row = await annotations.lock_series(connection, series_id, caller.tenant_id)
        if row is None:
            raise _no_series(series_id)
        before, after = changed(row.values(), given)
        if after:
            await annotations.change_series(connection, series_id, {**row.values(), **after})
            await audit.write(
                connection, "series.update", Subject("series", series_id, row.name, row.tenant_id), before, after
            )
    services.names.forget()
    return Series.model_validate(await find_series(services, caller, series_id))


@router.get("/latest", response_model=LatestPage)
async def list_latest(services: ServicesOf, which: Filter, cursor: Cursor = None, limit: Limit = 1000) -> Response:
    """The newest reading of each series that has one, by series id."""
    after = parse_cursor(cursor, RowId) or 0
    async with services.database.connection() as connection:
        rows = await read_devices.list_latest(connection, which, after=after, limit=limit + 1)
    rows, next_cursor = cut(rows, limit, lambda row: row.series_id)
    # Encoded here: a thousand rows would keep all others waiting on their way through models.
    page = {"next_cursor": next_cursor, "items": list(map(_plain_latest, rows))}
    return Response(_encode(page), media_type="application/json")


_LATEST = tuple(Latest.model_fields)
_latest_values = attrgetter(*_LATEST)


def _plain_latest(row: read_devices.Latest) -> dict[str, Any]:
    """What `Latest` says of the row."""
    plain = dict(zip(_LATEST, _latest_values(row), strict=True))
    plain.update(kind=KindName.of(row.kind), time=rfc3339(row.time))
    return plain


async def find_series(services: Services, caller: Caller, series_id: int) -> read_devices.Series:
    """The series' row.

    Raises:
        ProblemError: there is none that the caller sees.
    """
    found = (await services.names.find([series_id])).get(series_id)
    if found is None or not caller.sees(found.tenant_id):
        raise _no_series(series_id)
    return found


def _no_series(series_id: int) -> ProblemError:
    return ProblemError(ProblemType.NOT_FOUND, f"there is no series {series_id}")
