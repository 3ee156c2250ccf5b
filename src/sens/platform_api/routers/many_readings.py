"""Readings of several series: as columns for a chart, or all of them as a file."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, Any, Final, cast

import msgspec
import structlog
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.types import Send

from sens.domain.errors import Retry
from sens.platform_api.access import READ
from sens.platform_api.caller import Caller, CallerOf
from sens.platform_api.exports import MAX_EXPORTS, FileFormat, begun, file_of, rows
from sens.platform_api.models import Model
from sens.platform_api.problems import ProblemError, ProblemType, documented, invalid
from sens.platform_api.ranges import DEFAULT_POINTS, MAX_POINTS, Asked, Points, Request, oldest_raw, read_several
from sens.platform_api.routers.readings import RESOLUTION, Readings, plain_columns
from sens.platform_api.routers.series import Filter, KindName
from sens.platform_api.services import Services, ServicesOf
from sens.platform_api.times import TimeRange, TimeZone, rfc3339, time_range
from sens.runtime.exits import message_of
from sens.storage.read_devices import Series, SeriesFilter, list_series
from sens.storage.read_readings import Resolution, choose_resolution

router = APIRouter(prefix="/api/v1/readings", tags=["readings"], dependencies=[READ])
log: structlog.stdlib.BoundLogger = structlog.get_logger()

MAX_SERIES = 50
MAX_EXPORTED_SERIES = 1000
_Id = Annotated[int, Query(ge=1, le=2**31 - 1)]
_encode = msgspec.json.Encoder().encode
_FILE: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}}


class ManyReadings(Model):
    """A range of several series; those of numbers all at the same resolution."""

    start: str = Field(alias="from", examples=["2026-01-05T13:00:00Z"])
    to: str = Field(examples=["2026-01-05T14:00:00Z"])
    series: list[Readings] = Field(description="In the order in which they were asked for.")


@router.get("", response_model=ManyReadings, responses=documented(ProblemType.NOT_FOUND))
async def list_readings_of_series(
    services: ServicesOf,
    caller: CallerOf,
    ids: Annotated[
        list[_Id],
        Query(
            alias="series",
            min_length=1,
            max_length=MAX_SERIES,
            description="`series=42&series=43`.",
            examples=[[42, 43]],
        ),
    ],
    range_: Annotated[TimeRange, Depends(time_range)],
    resolution: Annotated[Asked, RESOLUTION] = "auto",
    limit: Annotated[int, Query(ge=1, le=MAX_POINTS, description="Most points of each series.")] = DEFAULT_POINTS,
    time_zone: TimeZone = "UTC",
) -> Response:
    """Readings of several series with from <= time < to, for one chart. For more than that, see the export."""
    several = await _find_all(services, caller, list(dict.fromkeys(ids)))
    request = Request(range_, resolution, limit, time_zone)
    points = await read_several(services.database, several, request, oldest_raw(services.configuration))
    # Encoded here: some 100,000 points would keep all others waiting on their way through models.
    parts = [_encode(_answer(series, each)) for series, each in zip(several, points, strict=True)]
    head = b'{"from":"%s","to":"%s","series":[' % tuple(rfc3339(end).encode() for end in range_)
    return Response(head + b",".join(parts) + b"]}", media_type="application/json")


async def _find_all(services: Services, caller: Caller, ids: Sequence[int]) -> list[Series]:
    found = await services.names.find(ids)
    missing = [id_ for id_ in ids if id_ not in found or not caller.sees(found[id_].tenant_id)]
    if missing:
        raise ProblemError(ProblemType.NOT_FOUND, f"there is no series {missing[0]}")
    return [found[id_] for id_ in ids]


def _answer(series: Series, points: Points) -> dict[str, Any]:
    return {
        "series_id": series.id,
        "kind": KindName.of(series.kind),
        "resolution": points.resolution.value,
        "columns": plain_columns(points.columns),
        "next_from": None if points.next_from is None else rfc3339(points.next_from),
    }


class FileStream(StreamingResponse):
    """A file that is made while it is sent. Where it cannot be ended the connection is cut, so that nobody takes what
    came for the whole."""

    async def stream_response(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(cast("AsyncGenerator[bytes]", self.body_iterator)) as chunks:
            try:
                async for chunk in chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except Retry as error:
                log.warning("export_cut", error=message_of(error))
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@router.get(
    "/export",
    response_class=FileStream,
    responses={
        200: {"content": {format_.media_type.split(";")[0]: _FILE for format_ in FileFormat}},
        **documented(ProblemType.NOT_FOUND, ProblemType.TOO_MANY_EXPORTS),
    },
)
async def export_readings(
    services: ServicesOf,
    which: Filter,
    range_: Annotated[TimeRange, Depends(time_range)],
    resolution: Annotated[Asked, RESOLUTION] = "raw",
    format_: Annotated[FileFormat, Query(alias="format")] = FileFormat.CSV,
    time_zone: TimeZone = "UTC",
) -> FileStream:
    """All readings of a range, of up to 1,000 series, as a file: CSV, Arrow (a stream) or Parquet.

    A row is a reading, or a bucket, with the names of its series; rows stand by series id and time. However long the
    file is, it is sent while it is read: what is stored meanwhile may be in it or not.
    """
    if services.exports >= MAX_EXPORTS:
        raise ProblemError(ProblemType.TOO_MANY_EXPORTS, f"{services.exports} exports are under way")
    chosen = (
        choose_resolution(*range_, oldest_raw(services.configuration))
        if resolution == "auto"
        else Resolution(resolution)
    )
    several = await _exported(services, which, chosen)
    # The first page is read before the answer begins: what cannot be read at all is told as a problem.
    batches = await begun(rows(services.database, several, range_, chosen, time_zone))
    name = f"readings-{rfc3339(range_.start)[:10]}-{chosen.value}.{format_.value}"
    return FileStream(
        _counted(services, file_of(batches, chosen, format_)),
        media_type=format_.media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _exported(services: Services, which: SeriesFilter, resolution: Resolution) -> list[Series]:
    async with services.database.connection() as connection:
        several = await list_series(connection, which, limit=MAX_EXPORTED_SERIES + 1)
    if resolution is not Resolution.RAW:
        several = [series for series in several if not series.is_text]
    if not several:
        raise ProblemError(ProblemType.NOT_FOUND, "no series fits; texts have no other resolution than raw")
    if len(several) > MAX_EXPORTED_SERIES:
        raise invalid("query", f"more than {MAX_EXPORTED_SERIES} series fit: narrow it by source, device, metric or id")
    return several


async def _counted(services: Services, chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    services.exports += 1
    try:
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk
    finally:
        services.exports -= 1
