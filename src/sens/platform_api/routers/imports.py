"""Imports: readings from files, put into the log as those from brokers are. They go on where they were, exactly."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path, Request
from pydantic import Field

from sens.decoders.imported import KINDS
from sens.domain.envelope import IMPORT_SESSION
from sens.domain.names import SOURCE_NAME
from sens.mqtt.publish import pack_publish
from sens.platform_api.access import OPERATE
from sens.platform_api.auditing import Auditor, AuditorOf, Subject
from sens.platform_api.body import MAX_IMPORT_BODY_BYTES, too_large
from sens.platform_api.caller import Caller, CallerOf
from sens.platform_api.importing import check_visible, claim_sources, fetch_balance, find_tail, wait_for_workers
from sens.platform_api.models import Model, Moment
from sens.platform_api.problems import ProblemError, ProblemType, documented, invalid
from sens.platform_api.ranges import oldest_raw
from sens.platform_api.routers.sources import SourceName
from sens.platform_api.services import Services, ServicesOf
from sens.stream.errors import PayloadTooLarge, SequenceMismatch
from sens.stream.imports import ImportTail

router = APIRouter(prefix="/api/v1/imports/{source}/{import_id}", tags=["imports"], dependencies=[OPERATE])

_SOURCE_PATTERN: Final = f"^{SOURCE_NAME.pattern}$"
ImportId = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{32}$",
        description="Names it: the same file has the same, so that it goes on.",
        examples=["0123456789abcdef0123456789abcdef"],
    ),
]
_PROBLEMS = documented(
    ProblemType.NOT_FOUND, ProblemType.IMPORT_MOVED, ProblemType.STREAM_FULL, ProblemType.WORKERS_BEHIND
)
_READING: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["source"],
    "properties": {
        "source": {"type": "string", "pattern": _SOURCE_PATTERN, "description": "That the device is of."},
        "device": {"type": "string"},
        "metric": {"type": "string"},
        "unit": {"type": "string", "default": ""},
        "kind": {"enum": KINDS, "description": "What the value has to be; left out, its type does."},
        "time": {"type": ["string", "integer"], "description": "ISO 8601, or µs since 1970 UTC."},
        "value": {"type": ["number", "boolean", "string"]},
        "refused": {
            "type": "object",
            "required": ["reason", "detail"],
            "properties": {
                "reason": {"enum": ["missing_field", "invalid_time", "invalid_value", "invalid_shape"]},
                "detail": {"type": "string"},
            },
            "description": "Why no reading could be made of a row, which then goes to quarantine as it stands here.",
        },
    },
    "description": "One that cannot be stored goes to quarantine, as it stands here; further keys are kept with it.",
}
_READINGS: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["before", "readings"],
    "additionalProperties": False,
    "properties": {
        "before": {
            "type": "integer",
            "minimum": 0,
            "maximum": 2**53,
            "description": "How many readings the import has already; where it has others, nothing is added.",
        },
        "readings": {"type": "array", "minItems": 1, "items": _READING},
    },
    "example": {
        "before": 0,
        "readings": [
            {
                "source": "plant-a",
                "device": "boiler-1",
                "metric": "temperature",
                "unit": "Cel",
                "time": "2025-06-01T12:00:00Z",
                "value": 21.5,
            }
        ],
    },
}


class _Readings(msgspec.Struct, forbid_unknown_fields=True):
    before: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    readings: Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1)]


class _OfSource(msgspec.Struct):
    # `$` would let a line's end pass.
    source: Annotated[str, msgspec.Meta(pattern=rf"\A(?:{SOURCE_NAME.pattern})\Z")]


_decode = msgspec.json.Decoder(_Readings)
_decode_source = msgspec.json.Decoder(_OfSource)


class ImportProgress(Model):
    """How far an import is."""

    readings: int = Field(description="In the log, in the file's order.", examples=[20000])
    finished: bool = Field(description="Nothing can be added any more.", examples=[False])


class Import(ImportProgress):
    """An import, and what became of its readings."""

    pending: int = Field(description="In the log and not in the database yet.", examples=[0])
    stored: int = Field(examples=[19990])
    duplicate: int = Field(description="The same value was stored already.", examples=[7])
    conflict: int = Field(description="Another value is stored at that instant; kept in quarantine.", examples=[1])
    quarantined: int = Field(description="Cannot be stored; kept in quarantine with the reason.", examples=[2])
    oldest_kept: Moment | None = Field(description="What is older goes to quarantine, by `retention.raw`.")
    max_body_bytes: int = Field(description="The longest body that can be added.", examples=[MAX_IMPORT_BODY_BYTES])


class Finish(Model):
    """The end of an import."""

    readings: int = Field(
        ge=0, le=2**53, description="How many it has; where it has others, it is not finished.", examples=[20000]
    )


@router.get("", responses=documented(ProblemType.NOT_FOUND))
async def get_import(services: ServicesOf, caller: CallerOf, source: SourceName, import_id: ImportId) -> Import:
    """How far an import is, and what became of its readings; one that has none yet has not begun."""
    await check_visible(services, caller, source)
    tail, balance = await fetch_balance(services, source, IMPORT_SESSION + import_id)
    return Import(
        readings=tail.total,
        finished=tail.finished,
        pending=balance.pending,
        stored=balance.readings.stored,
        duplicate=balance.readings.duplicate,
        conflict=balance.readings.conflict,
        quarantined=balance.messages.quarantined,
        oldest_kept=oldest_raw(services.configuration) or None,  # pyright: ignore[reportArgumentType]  # from µs
        max_body_bytes=min(MAX_IMPORT_BODY_BYTES, services.imports.max_body_bytes // 2),
    )


@router.post(
    "",
    responses=_PROBLEMS,
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _READINGS}}}},
)
async def add_to_import(
    request: Request, services: ServicesOf, caller: CallerOf, audit: AuditorOf, source: SourceName, import_id: ImportId
) -> ImportProgress:
    """Add readings from a file, in its order. They are on disk when the answer comes, and stored soon after.

    They go the way of all readings: the ledger counts them under the import's source, what is stored already is a
    duplicate or a conflict, and what cannot be stored is in quarantine. A source that is not there yet is made, if
    an admin asks.
    """
    async with services.large_bodies.read(request) as body:
        return await _add(services, caller, audit, source, import_id, _parsed(body))


@router.post("/finish", responses=_PROBLEMS)
async def finish_import(
    services: ServicesOf, caller: CallerOf, audit: AuditorOf, source: SourceName, import_id: ImportId, body: Finish
) -> ImportProgress:
    """Say that the import has all its readings. One that is finished stays so."""
    owned = await claim_sources(services, caller, audit, source, ())
    session = IMPORT_SESSION + import_id
    tail = await _expect(services, source, session, body.readings)
    if tail.finished:
        return ImportProgress(readings=tail.total, finished=True)
    finished = await _append(services, source, session, tail, [])
    async with services.database.connection() as connection:
        subject = Subject("source", owned.id, source, owned.tenant_id)
        await audit.write(connection, "import.finish", subject, None, {"import": import_id, "readings": tail.total})
    return finished


async def _add(
    services: Services, caller: Caller, audit: Auditor, source: str, import_id: str, readings: _Readings
) -> ImportProgress:
    sources = _sources(readings.readings)
    owned = await claim_sources(services, caller, audit, source, set(sources))
    session = IMPORT_SESSION + import_id
    tail = await _expect(services, source, session, readings.before)
    if tail.finished:
        raise _moved(tail)
    await wait_for_workers(services, tail)
    if tail.sequence == 0:
        async with services.database.connection() as connection:
            subject = Subject("source", owned.id, source, owned.tenant_id)
            await audit.write(connection, "import.begin", subject, None, {"import": import_id})
    packets = [pack_publish(name.encode(), reading) for name, reading in zip(sources, readings.readings, strict=True)]
    return await _append(services, source, session, tail, packets)


def _parsed(body: bytes) -> _Readings:
    try:
        return _decode.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise invalid("body", str(error)) from error


def _sources(readings: list[msgspec.Raw]) -> list[str]:
    found = list[str]()
    for at, reading in enumerate(readings):
        try:
            found.append(_decode_source.decode(reading).source)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise invalid(f"body.readings.{at}", str(error)) from error
    return found


async def _expect(services: ServicesOf, source: str, session: str, readings: int) -> ImportTail:
    """The import's tail, which has so many readings."""
    tail = await services.imports.tail(source, session)
    if tail.total != readings:
        raise _moved(tail)
    return tail


def _moved(tail: ImportTail) -> ProblemError:
    finished = ", and is finished" if tail.finished else ""
    return ProblemError(ProblemType.IMPORT_MOVED, f"the import has {tail.total} readings{finished}")


async def _append(
    services: ServicesOf, source: str, session: str, tail: ImportTail, packets: list[bytes]
) -> ImportProgress:
    try:
        tail = await services.imports.append(source, session, tail, b"".join(packets), len(packets))
    except SequenceMismatch as error:
        raise _moved(await find_tail(services, source, session)) from error
    except PayloadTooLarge as error:
        raise too_large(services.imports.max_body_bytes // 2) from error
    return ImportProgress(readings=tail.total, finished=tail.finished)
