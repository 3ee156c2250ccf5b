"""Many messages in quarantine at once: all that are open and fit, as many as one request may take."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

import msgspec
from fastapi import APIRouter
from pydantic import Field, StrictBool

from sens.domain.errors import Retry
from sens.domain.names import SOURCE_NAME
from sens.domain.reasons import Reason
from sens.platform_api.access import OPERATE
from sens.platform_api.auditing import AuditorOf, Subject
from sens.platform_api.caller import Caller, CallerOf
from sens.platform_api.models import Model
from sens.platform_api.paging import BigRowId, cursor_of, parse_cursor
from sens.platform_api.problems import ProblemType, documented
from sens.platform_api.routers.replay import PROBLEMS, Replayed, replayed_by_worker, replaying_alone
from sens.platform_api.services import Services, ServicesOf
from sens.platform_api.tenancy import check_sees_source
from sens.platform_api.times import parse_moment, rfc3339
from sens.storage.read_quarantine import (
    OpenEnvelope,
    OpenFilter,
    count_open,
    count_still_open,
    discard_open,
    list_open_envelopes,
    newest_quarantined,
)
from sens.stream.replay import NobodyReplays, ReplayRequest

router = APIRouter(prefix="/api/v1/quarantine", tags=["quarantine"], dependencies=[OPERATE])

DISCARDED_AT_ONCE = 20_000
ENVELOPES_AT_ONCE = 20
MESSAGES_AT_ONCE = 2000
"""A worker is asked for so many, or for one envelope: it answers in seconds."""
REPLAY_FOR_S = 10.0
Time = Annotated[str, Field(max_length=40, examples=["now-1d"])]

_Microseconds = Annotated[int, msgspec.Meta(ge=-62_135_596_800_000_000, le=253_402_300_799_999_999)]
"""The years 1 to 9999, since 1970 UTC."""


class _Place(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Where a run of requests goes on, and the bounds that its first request had; as `OpenFilter`."""

    after: BigRowId
    until: BigRowId
    received_from: _Microseconds | None
    received_before: _Microseconds | None


class OpenMessages(Model):
    """Which open messages: those that fit everything given."""

    source: str | None = Field(default=None, pattern=f"^{SOURCE_NAME.pattern}$", examples=["plant-a"])
    reason: Reason | None = Field(default=None, examples=["invalid_syntax"])
    from_: Time | None = Field(default=None, alias="from", description="Received then or later; as in queries.")
    to: Time | None = Field(default=None, description="Received before; as in queries.")
    cursor: str | None = Field(
        default=None,
        max_length=1024,
        description="`next_cursor` of the answer before.",
        examples=["WzE3LDQwLG51bGwsbnVsbF0"],
    )


class OpenMessagesToReplay(OpenMessages):
    """Which open messages, and how."""

    overwrite: StrictBool = Field(
        default=False, description="Readings that changed replace what is stored; else they are conflicts."
    )


class Settling(Model):
    """How far it is."""

    remaining: int = Field(
        description="Open messages that fit and were not looked at; when it is done, those that a replay held.",
        examples=[0],
    )
    next_cursor: str | None = Field(
        description="`cursor` with which the next request goes on; null: it is done.", examples=[None]
    )


class Discarded(Settling):
    """What was discarded."""

    discarded: int = Field(examples=[1204])


class ReplayedMany(Settling, Replayed):
    """What came of the replay."""

    tried: int = Field(description="Open messages that were looked at.", examples=[12])
    still_open: int = Field(description="Of those that were tried, how many stay in quarantine.", examples=[2])


@router.post("/discard", responses=documented(ProblemType.NOT_FOUND))
async def discard_many(services: ServicesOf, caller: CallerOf, audit: AuditorOf, body: OpenMessages) -> Discarded:
    """Settle open messages for good, without storing them; the oldest first.

    One request takes many, and says how many are left: go on with `next_cursor` until it is null. Messages that come
    meanwhile are not touched.
    """
    which = await _filter(services, caller, body)
    async with services.database.connection() as connection, connection.transaction():
        count = await discard_open(connection, which, DISCARDED_AT_ONCE)
        if count:
            await audit.write(
                connection, "quarantine.discard", _subject(caller, body), None, _asked(which, discarded=count)
            )
    async with services.database.connection() as connection:
        remaining = await count_open(connection, which)
    more = remaining > 0 and count == DISCARDED_AT_ONCE
    return Discarded(discarded=count, remaining=remaining, next_cursor=_cursor(which) if more else None)


@router.post("/replay", responses={**PROBLEMS, **documented(ProblemType.NOT_FOUND)})
async def replay_many(
    services: ServicesOf, caller: CallerOf, audit: AuditorOf, body: OpenMessagesToReplay
) -> ReplayedMany:
    """Decode again the envelopes that hold open messages; the oldest first. What can be stored leaves the quarantine.

    One request works for some seconds, and says how many are left: go on with `next_cursor` until it is null. Those
    that still cannot be decoded stay open, and are not tried again on the way. Messages that come meanwhile are not
    looked at.
    """
    which = await _filter(services, caller, body)
    run = _Run(which)
    async with replaying_alone(services):
        try:
            await _replay(services, run, body.overwrite)
        finally:
            if run.counts["tried"] or run.problem:
                what = _asked(which, overwrite=body.overwrite, **run.counts) | run.problem
                async with services.database.connection() as connection:
                    await audit.write(connection, "quarantine.replay", _subject(caller, body), None, what)
    async with services.database.connection() as connection:
        remaining = 0 if run.done else await count_open(connection, run.which)
    return ReplayedMany(**run.counts, remaining=remaining, next_cursor=_cursor(run.which) if remaining else None)


@dataclass(slots=True)
class _Run:
    """How far a request has come, and what came of it. `problem`: what a worker was asked for, and why it failed."""

    which: OpenFilter
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("tried", "still_open", *Replayed.model_fields), 0)
    )
    problem: dict[str, object] = field(default_factory=dict[str, object])
    done: bool = False

    def add(self, **counts: int) -> None:
        for name, count in counts.items():
            self.counts[name] += count


async def _replay(services: Services, run: _Run, overwrite: bool) -> None:
    """Page after page, for some seconds.

    Raises:
        Retry: the first page failed; the worker may be at it yet. A later one ends the run without an error: what was
            done is told, and the next request tells what is wrong.
    """
    until = time.monotonic() + REPLAY_FOR_S
    while True:
        async with services.database.connection() as connection:
            some = _page(await list_open_envelopes(connection, run.which, ENVELOPES_AT_ONCE))
        if not some:
            run.done = True
            return
        ids = [id_ for each in some for id_ in each.ids]
        request = ReplayRequest(
            envelope_ids=[each.envelope_id.hex for each in some], quarantine_ids=ids, overwrite=overwrite
        )
        try:
            replayed = await replayed_by_worker(services, request)
        except Retry as error:
            if not isinstance(error, NobodyReplays):
                run.problem = {"unanswered": len(ids), "problem": str(error)}
            if not run.counts["tried"]:
                raise
            return
        run.add(tried=len(ids), **replayed.model_dump())
        run.which = replace(run.which, after=some[-1].first_id)
        async with services.database.connection() as connection:
            run.add(still_open=await count_still_open(connection, ids))
        if time.monotonic() > until or services.stopping.is_set():
            return


def _page(some: Sequence[OpenEnvelope]) -> Sequence[OpenEnvelope]:
    """As many of the first as a worker takes at once; one at least."""
    messages = 0
    for at, each in enumerate(some):
        messages += len(each.ids)
        if messages > MESSAGES_AT_ONCE:
            return some[: max(at, 1)]
    return some


async def _filter(services: Services, caller: Caller, body: OpenMessages) -> OpenFilter:
    await check_sees_source(services, caller, body.source)
    place: _Place | None = parse_cursor(body.cursor, _Place, "body.cursor")
    if place is None:
        now = time.time_ns() // 1000
        async with services.database.connection() as connection:
            newest = await newest_quarantined(connection)
        place = _Place(
            after=0,
            until=newest,
            received_from=None if body.from_ is None else parse_moment(body.from_, "body.from", now),
            received_before=None if body.to is None else parse_moment(body.to, "body.to", now),
        )
    return OpenFilter(
        tenant_id=caller.tenant_id,
        source=body.source,
        reason=body.reason and body.reason.value,
        received_from=place.received_from,
        received_before=place.received_before,
        until=place.until,
        after=place.after,
    )


def _cursor(which: OpenFilter) -> str:
    return cursor_of(_Place(which.after, which.until, which.received_from, which.received_before))


def _subject(caller: Caller, body: OpenMessages) -> Subject:
    name = f"{body.source or 'all sources'}: {body.reason.value if body.reason else 'all reasons'}"
    return Subject("quarantine", None, name, caller.tenant_id)


def _asked(which: OpenFilter, **counts: int) -> dict[str, object]:
    """For the audit: by what they were chosen, and what came of it."""
    moments = {"from": which.received_from, "to": which.received_before}
    told = {name: rfc3339(at) for name, at in moments.items() if at is not None}
    return {"source": which.source, "reason": which.reason, **told, **counts}
