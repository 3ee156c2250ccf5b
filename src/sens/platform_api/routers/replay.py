"""Replay: decode stored messages again, after a decoder or its configuration was mended. A worker does it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field, StrictBool

from sens.domain.errors import Retry
from sens.platform_api.access import OPERATE
from sens.platform_api.auditing import Auditor, AuditorOf, Subject
from sens.platform_api.caller import CallerOf
from sens.platform_api.models import Model
from sens.platform_api.problems import ProblemError, ProblemType, documented, invalid
from sens.platform_api.routers.quarantine import Id, already_settled, find_quarantined
from sens.platform_api.services import Services, ServicesOf
from sens.platform_api.tenancy import check_sees_source
from sens.platform_api.times import DAY, parse_range, rfc3339
from sens.storage.read_quarantine import State
from sens.stream.replay import NobodyReplays, ReplayReply, ReplayRequest, ask_replay

router = APIRouter(prefix="/api/v1", tags=["replay"], dependencies=[OPERATE])

MAX_DAYS = 31
PROBLEMS = documented(ProblemType.NO_WORKER, ProblemType.REPLAY_FAILED, ProblemType.STREAM_UNAVAILABLE)


class ReplayRange(Model):
    """Which envelopes to decode again, by when the log took them in."""

    from_: str = Field(alias="from", max_length=40, description="As in queries.", examples=["now-2h"])
    to: str = Field(default="now", max_length=40, description="As in queries.", examples=["now-1h"])
    source: str | None = Field(
        default=None, pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="Only this source's.", examples=["plant-a"]
    )
    overwrite: StrictBool = Field(
        default=False, description="Readings that changed replace what is stored; else they are conflicts."
    )


class Replayed(Model):
    """What came of a replay."""

    envelopes: int = Field(description="Decoded again.", examples=[12])
    messages: int = Field(description="In them.", examples=[2400])
    stored: int = Field(description="Readings that were not stored before, or were overwritten.", examples=[30])
    duplicate: int = Field(description="Readings that were stored before, with the same value.", examples=[7170])
    conflict: int = Field(description="Readings of which another value is stored, and stays.", examples=[0])
    quarantined: int = Field(description="Messages that still cannot be decoded.", examples=[2])
    expired: int = Field(
        description="Envelopes left as they are, because readings of theirs are older than raw readings are kept.",
        examples=[0],
    )


@router.post("/replay", responses={**PROBLEMS, **documented(ProblemType.NOT_FOUND)})
async def replay_range(services: ServicesOf, caller: CallerOf, audit: AuditorOf, body: ReplayRange) -> Replayed:
    """Decode again what the log took in from `from` to `to`. Nothing is stored twice, however often it is done.

    A long range takes longer than a request may: ask for it in parts.
    """
    start, end = parse_range(body.from_, body.to, "body")
    if end - start > MAX_DAYS * DAY:
        raise invalid("body.from", f"at most {MAX_DAYS} days at once: ask for less")
    if caller.tenant_id is not None and body.source is None:
        raise invalid("body.source", f"name a source of {caller.tenant}")
    await check_sees_source(services, caller, body.source)
    request = ReplayRequest(start=start, end=end, source=body.source, overwrite=body.overwrite)
    subject = Subject("source", None, body.source or "all", caller.tenant_id)
    asked = {"from": rfc3339(start), "to": rfc3339(end), "overwrite": body.overwrite}
    return await _replay(services, audit, subject, asked, request)


@router.post(
    "/quarantine/{quarantine_id}/replay",
    tags=["quarantine"],
    responses={**PROBLEMS, **documented(ProblemType.NOT_FOUND, ProblemType.ALREADY_SETTLED)},
)
async def replay_quarantined(
    services: ServicesOf,
    caller: CallerOf,
    audit: AuditorOf,
    quarantine_id: Id,
    overwrite: Annotated[bool, Query()] = False,
) -> Replayed:
    """Decode again the envelope that holds the message. What can be stored now leaves the quarantine.

    When the log has the envelope no more, this message alone is decoded, from its bytes here. One of which not all
    bytes were kept (`oversize`, `invalid_envelope`) is counted as `quarantined` again.
    """
    row, _ = await find_quarantined(services, caller, quarantine_id)
    if row.state != State.OPEN:
        raise already_settled(row)
    request = ReplayRequest(envelope_ids=[row.envelope_id.hex], quarantine_ids=[quarantine_id], overwrite=overwrite)
    subject = Subject("quarantine", quarantine_id, f"{row.source}: {row.reason}", row.tenant_id)
    return await _replay(services, audit, subject, {"overwrite": overwrite}, request)


async def _replay(
    services: Services, audit: Auditor, subject: Subject, asked: Mapping[str, object], request: ReplayRequest
) -> Replayed:
    """Replay and write it down; also what failed, as the worker may have done a part, or be at it yet."""
    async with replaying_alone(services):
        try:
            replayed = await replayed_by_worker(services, request)
        except NobodyReplays:
            raise
        except Retry as error:
            await _note(services, audit, subject, {**asked, "problem": str(error)})
            raise
    await _note(services, audit, subject, {**asked, **replayed.model_dump()})
    return replayed


async def _note(services: Services, audit: Auditor, subject: Subject, what: Mapping[str, object]) -> None:
    async with services.database.connection() as connection:
        await audit.write(connection, f"{subject.kind}.replay", subject, after=what)


@asynccontextmanager
async def replaying_alone(services: Services) -> AsyncGenerator[None]:
    """Within the block nobody else replays by this process.

    Raises:
        ProblemError: another replay is under way.
    """
    if services.replaying.locked():
        raise ProblemError(ProblemType.REPLAY_FAILED, "another replay is under way: wait until it ends")
    async with services.replaying:
        yield


async def replayed_by_worker(services: Services, request: ReplayRequest) -> Replayed:
    """Have a worker do it; `replaying_alone`.

    Raises:
        NobodyReplays, ReplayFailed, StreamAway: see `ask_replay`.
    """
    reply: ReplayReply = await ask_replay(services.stream, request)
    return Replayed(
        envelopes=reply.envelopes,
        messages=reply.messages,
        stored=reply.stored,
        duplicate=reply.duplicate,
        conflict=reply.conflict,
        quarantined=reply.quarantined,
        expired=reply.expired,
    )
