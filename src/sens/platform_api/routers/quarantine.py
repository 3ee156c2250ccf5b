"""The quarantine: messages that were not stored, with their bytes and the reason."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BeforeValidator, Field

from sens.decoding.trial import Message
from sens.domain.reasons import Reason
from sens.platform_api.access import OPERATE, READ
from sens.platform_api.auditing import AuditorOf, Subject
from sens.platform_api.caller import Caller, CallerOf
from sens.platform_api.models import Base64, Model, Moment, Page, Readable
from sens.platform_api.paging import BigRowId, Cursor, Limit, SourceFilter, cut, parse_cursor
from sens.platform_api.problems import ProblemError, ProblemType, documented
from sens.platform_api.services import Services, ServicesOf
from sens.platform_api.trials import Trial, Tried, try_by_rule
from sens.storage import read_quarantine
from sens.storage.read_quarantine import State as StoredState

router = APIRouter(prefix="/api/v1/quarantine", tags=["quarantine"], dependencies=[READ])

Id = Annotated[int, Path(ge=1, le=2**63 - 1, examples=[17])]


class State(StrEnum):
    """What became of a message in quarantine."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


def _state_name(value: object) -> object:
    return State[StoredState(value).name] if isinstance(value, int) else value


NamedState = Annotated[State, BeforeValidator(_state_name)]


class Quarantined(Model):
    """A message in quarantine."""

    id: int = Field(examples=[17])
    source: str = Field(examples=["plant-a"])
    topic: Readable = Field(description="Bytes that are no UTF-8 are shown as \\xNN.", examples=["sens/boiler-1/up"])
    reason: str = Field(description="A stable code.", examples=["invalid_syntax"])
    detail: str = Field(examples=["unexpected character at byte 12"])
    state: NamedState
    payload_bytes: int = Field(examples=[88])
    received_at: Moment
    changed_at: Moment = Field(description="When its state changed last.")
    envelope_id: UUID = Field(
        description="The envelope that it came in.", examples=["8f14e45f-ceea-467f-a83c-4e5b1b2c9d10"]
    )
    position: int = Field(description="Its place in the envelope, from 0.", examples=[3])


class QuarantinePage(Page):
    """Messages in quarantine, the newest first."""

    items: list[Quarantined]


class QuarantinedWithPayload(Quarantined):
    """A message in quarantine with what was sent."""

    payload_base64: Base64 = Field(description="The bytes as received.", examples=["eyJ0IjogMQ=="])
    payload_text: str | None = Field(
        description="The same as text; null where they are no UTF-8.", examples=['{"t": 1']
    )


class QuarantineCount(Model):
    """How much of one reason and state a source has in quarantine."""

    source: str = Field(examples=["plant-a"])
    reason: str = Field(examples=["invalid_syntax"])
    state: NamedState
    messages: int = Field(examples=[12])
    bytes: int = Field(description="Of their payloads.", examples=[1056])


class QuarantineSummary(Model):
    """Counts by source, reason and state."""

    items: list[QuarantineCount]


class Overflow(Model):
    """What came for a full quarantine: counted, with one payload as a sample."""

    source: str = Field(examples=["plant-a"])
    reason: str = Field(examples=["invalid_syntax"])
    topic: Readable = Field(examples=["sens/boiler-1/up"])
    count: int = Field(examples=[4211])
    first_at: Moment
    last_at: Moment
    sample: Base64 = Field(examples=["eyJ0IjogMQ=="])


class OverflowList(Model):
    """The most recent first."""

    items: list[Overflow]


@router.get("")
async def list_quarantined(
    services: ServicesOf,
    caller: CallerOf,
    source: SourceFilter = None,
    reason: Annotated[Reason | None, Query(description="Only those with this reason.")] = None,
    state: Annotated[State | None, Query(description="Only those in this state; all where it is left out.")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> QuarantinePage:
    """Messages in quarantine, the newest first."""
    before: int | None = parse_cursor(cursor, BigRowId)
    stored = None if state is None else StoredState[state.name]
    async with services.database.connection() as connection:
        rows = await read_quarantine.list_quarantined(
            connection, caller.tenant_id, source=source, reason=reason, state=stored, before=before, limit=limit + 1
        )
    rows, next_cursor = cut(rows, limit, lambda row: row.id)
    return QuarantinePage(items=[Quarantined.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.get("/summary")
async def summarize_quarantine(services: ServicesOf, caller: CallerOf) -> QuarantineSummary:
    """How much is in quarantine, by source, reason and state."""
    async with services.database.connection() as connection:
        rows = await read_quarantine.count_quarantined(connection, caller.tenant_id)
    return QuarantineSummary(items=[QuarantineCount.model_validate(row) for row in rows])


@router.get("/overflow")
async def list_overflow(
    services: ServicesOf, caller: CallerOf, source: SourceFilter = None, limit: Limit = 100
) -> OverflowList:
    """What did not fit into a source's quarantine, the most recent first."""
    async with services.database.connection() as connection:
        rows = await read_quarantine.list_overflow(connection, caller.tenant_id, source=source, limit=limit)
    return OverflowList(items=[Overflow.model_validate(row) for row in rows])


# `:int`, so that what is done to many, such as `/discard`, is no message of that name.
@router.get("/{quarantine_id:int}", responses=documented(ProblemType.NOT_FOUND))
async def get_quarantined(services: ServicesOf, caller: CallerOf, quarantine_id: Id) -> QuarantinedWithPayload:
    """One message in quarantine, with its payload."""
    row, payload = await find_quarantined(services, caller, quarantine_id)
    told = Quarantined.model_validate(row).model_dump()
    return QuarantinedWithPayload.model_validate(told | {"payload_base64": payload, "payload_text": _utf8(payload)})


@router.post(
    "/{quarantine_id}/discard",
    dependencies=[OPERATE],
    responses=documented(ProblemType.NOT_FOUND, ProblemType.ALREADY_SETTLED),
)
async def discard_quarantined(
    services: ServicesOf, caller: CallerOf, audit: AuditorOf, quarantine_id: Id
) -> Quarantined:
    """Settle an open message for good, without storing it. The ledger goes on counting it as quarantined."""
    row, _ = await find_quarantined(services, caller, quarantine_id)
    subject = Subject("quarantine", quarantine_id, f"{row.source}: {row.reason}", row.tenant_id)
    async with services.database.connection() as connection, connection.transaction():
        discarded = await read_quarantine.discard_quarantined(connection, [quarantine_id])
        if discarded:
            await audit.write(connection, "quarantine.discard", subject, {"state": "open"}, {"state": "discarded"})
    row, _ = await find_quarantined(services, caller, quarantine_id)
    if not discarded:
        raise already_settled(row)
    return Quarantined.model_validate(row)


@router.post("/{quarantine_id}/try", responses=documented(ProblemType.NOT_FOUND))
async def try_quarantined(services: ServicesOf, caller: CallerOf, quarantine_id: Id, body: Tried) -> Trial:
    """What would become of the message now, or by another rule. Nothing is stored and nothing changes."""
    row, payload = await find_quarantined(services, caller, quarantine_id)
    message = Message(row.topic, payload, row.received_at)
    return await try_by_rule(services, row.source, message, body.rule, row.session)


async def find_quarantined(
    services: Services, caller: Caller, quarantine_id: int
) -> tuple[read_quarantine.Quarantined, bytes]:
    """The message's row and its payload.

    Raises:
        ProblemError: there is none that the caller sees.
    """
    async with services.database.connection() as connection:
        found = await read_quarantine.find_quarantined(connection, quarantine_id, caller.tenant_id)
    if found is None:
        raise ProblemError(ProblemType.NOT_FOUND, f"there is no message {quarantine_id} in quarantine")
    return found


def already_settled(row: read_quarantine.Quarantined) -> ProblemError:
    """The error for a message that is not open."""
    return ProblemError(
        ProblemType.ALREADY_SETTLED, f"message {row.id} is {Quarantined.model_validate(row).state} already"
    )


def _utf8(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
