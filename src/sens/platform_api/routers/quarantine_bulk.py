"""Many messages in quarantine at once: all that are open and fit, as many as one request may take."""

import time
from dataclasses import replace
from typing import Annotated

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
from sens.storage.read_quarantine import OpenFilter, count_open, discard_open, list_open
from sens.stream.replay import ReplayRequest

router = APIRouter(prefix="/api/v1/quarantine", tags=["quarantine"], dependencies=[OPERATE])

DISCARDED_AT_ONCE = 20_000
REPLAYED_AT_ONCE = 200
REPLAY_FOR_S = 10.0
Time = Annotated[str, Field(max_length=40, examples=["now-1d"])]


class OpenMessages(Model):
    """Which open messages: those that fit everything given."""

    source: str | None = Field(default=None, pattern=f"^{SOURCE_NAME.pattern}$", examples=["plant-a"])
    reason: Reason | None = Field(default=None, examples=["invalid_syntax"])
    from_: Time | None = Field(default=None, alias="from", description="Received then or later; as in queries.")
    to: Time | None = Field(default=None, description="Received before; as in queries.")
    cursor: str | None = Field(
        default=None, max_length=1024, description="`next_cursor` of the answer before.", examples=["MTc"]
    )


class OpenMessagesToReplay(OpenMessages):
    """Which open messages, and how."""

    overwrite: StrictBool = Field(
        default=False, description="Readings that changed replace what is stored; else they are conflicts."
    )


class Settling(Model):
    """How far it is."""

    remaining: int = Field(description="Open messages that fit and were not looked at yet.", examples=[0])
    next_cursor: str | None = Field(
        description="`cursor` with which the next request goes on; null: it is done.", examples=[None]
    )


class Discarded(Settling):
    """What was discarded."""

    discarded: int = Field(examples=[1204])


class ReplayedMany(Settling, Replayed):
    """What came of the replay."""

    tried: int = Field(description="Open messages that were looked at.", examples=[12])


@router.post("/discard", responses=documented(ProblemType.NOT_FOUND))
async def discard_many(services: ServicesOf, caller: CallerOf, audit: AuditorOf, body: OpenMessages) -> Discarded:
    """Settle open messages for good, without storing them; the newest first.

    One request takes many, and says how many are left: go on with `next_cursor` until it is null. Messages that come
    meanwhile are not touched.
    """
    which = await _filter(services, caller, body)
    async with services.database.connection() as connection, connection.transaction():
        count, lowest = await discard_open(connection, which, DISCARDED_AT_ONCE)
        if count:
            await audit.write(
                connection, "quarantine.discard", _subject(caller, body), None, _asked(which, discarded=count)
            )
    settling = await _settling(services, which, lowest)
    return Discarded(discarded=count, **settling.model_dump())


@router.post("/replay", responses={**PROBLEMS, **documented(ProblemType.NOT_FOUND)})
async def replay_many(
    services: ServicesOf, caller: CallerOf, audit: AuditorOf, body: OpenMessagesToReplay
) -> ReplayedMany:
    """Decode again the envelopes that hold open messages; the newest first. What can be stored leaves the quarantine.

    One request works for some seconds, and says how many are left: go on with `next_cursor` until it is null. Those
    that still cannot be decoded stay open, and are not tried again on the way.
    """
    which = await _filter(services, caller, body)
    async with replaying_alone(services):
        counts, lowest = await _replay(services, which, body.overwrite)
    async with services.database.connection() as connection:
        if counts["tried"]:
            what = _asked(which, overwrite=body.overwrite, **counts)
            await audit.write(connection, "quarantine.replay", _subject(caller, body), None, what)
    settling = await _settling(services, which, lowest)
    return ReplayedMany(**counts, **settling.model_dump())


async def _replay(services: Services, which: OpenFilter, overwrite: bool) -> tuple[dict[str, int], int | None]:
    """What came of it, and the lowest id that was tried; None: there are no more."""
    counts = dict.fromkeys(("tried", *Replayed.model_fields), 0)
    until = time.monotonic() + REPLAY_FOR_S
    while True:
        async with services.database.connection() as connection:
            some = await list_open(connection, which, REPLAYED_AT_ONCE)
        if not some:
            return counts, None
        envelopes, ids = list({each.envelope_id.hex: None for each in some}), [each.id for each in some]
        request = ReplayRequest(envelope_ids=envelopes, quarantine_ids=ids, overwrite=overwrite)
        try:
            replayed = await replayed_by_worker(services, request)
        except Retry:
            if not counts["tried"]:
                raise
            return counts, which.before  # what was done is told; the next request tells what is wrong
        for name, count in {"tried": len(some), **replayed.model_dump()}.items():
            counts[name] += count
        which = replace(which, before=ids[-1])
        if time.monotonic() > until or services.stopping.is_set():
            return counts, which.before


async def _filter(services: Services, caller: Caller, body: OpenMessages) -> OpenFilter:
    await check_sees_source(services, caller, body.source)
    now = time.time_ns() // 1000
    return OpenFilter(
        tenant_id=caller.tenant_id,
        source=body.source,
        reason=body.reason and body.reason.value,
        received_from=None if body.from_ is None else parse_moment(body.from_, "body.from", now),
        received_before=None if body.to is None else parse_moment(body.to, "body.to", now),
        before=parse_cursor(body.cursor, BigRowId, "body.cursor"),
    )


async def _settling(services: Services, which: OpenFilter, lowest: int | None) -> Settling:
    """How much is left below the lowest id that was looked at; None: nothing."""
    if lowest is None:
        return Settling(remaining=0, next_cursor=None)
    async with services.database.connection() as connection:
        remaining = await count_open(connection, replace(which, before=lowest))
    return Settling(remaining=remaining, next_cursor=cursor_of(lowest) if remaining else None)


def _subject(caller: Caller, body: OpenMessages) -> Subject:
    name = f"{body.source or 'all sources'}: {body.reason.value if body.reason else 'all reasons'}"
    return Subject("quarantine", None, name, caller.tenant_id)


def _asked(which: OpenFilter, **counts: int) -> dict[str, object]:
    """For the audit: by what they were chosen, and what came of it."""
    moments = {"from": which.received_from, "to": which.received_before}
    told = {name: rfc3339(at) for name, at in moments.items() if at is not None}
    return {"source": which.source, "reason": which.reason, **told, **counts}
