"""Sources: what is declared, what was received, and what their workers are doing."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from sens.platform_api.access import READ
from sens.platform_api.caller import CallerOf
from sens.platform_api.live_state import State, session_state, source_state
from sens.platform_api.models import Model, Moment, Page
from sens.platform_api.paging import Cursor, Limit, NamePart, cut, parse_cursor
from sens.platform_api.problems import ProblemError, ProblemType, documented
from sens.platform_api.services import Services, ServicesOf
from sens.platform_api.tenancy import visible_sources
from sens.storage import read_devices
from sens.storage.times import timestamp
from sens.stream.errors import StreamAway
from sens.stream.status import SourceStatus

router = APIRouter(prefix="/api/v1/sources", tags=["sources"], dependencies=[READ])

SourceName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", examples=["plant-a"])]


class Session(Model):
    """What one worker says about its MQTT session."""

    session: str = Field(examples=["exclusive"])
    instance: str = Field(description="The worker's name.", examples=["mqtt-ingestion-worker-0"])
    state: State
    since: Moment | None = Field(description="When the state changed last.")
    age_s: float = Field(description="How long ago the worker said so.", examples=[1.2])
    broker: str = Field(examples=["mqtts://broker.example.org:8883"])
    topics: list[str] = Field(examples=[["sens/+/telemetry"]])
    last_error: str = Field(examples=[""])
    warnings: list[str] = Field(
        description="What the broker grants less than declared, and what it may have lost.", examples=[[]]
    )
    received_messages: int = Field(description="Since the worker last took the source over.", examples=[120000])


class Source(Model):
    """A broker, and what is read from it."""

    name: str = Field(examples=["plant-a"])
    tenant: str = Field(examples=["default"])
    declared: bool = Field(description="Whether the configuration names it; if not, it is of former times.")
    devices: int = Field(description="How many sent something.", examples=[120])
    first_seen_at: Moment | None = Field(description="When its first message was decoded; null before.")
    state: State = Field(description="Of its sessions, the best; `unknown` while NATS is away.")
    sessions: list[Session]


class DeclaredSource(Source):
    """A source and how it is declared."""

    configuration: str | None = Field(
        description="Its lines of `sens.yaml`, as the API read them when it started; null if it has none.",
        examples=["- name: plant-a\n  broker: mqtt://broker.example.org"],
    )


class SourcePage(Page):
    """Sources by name."""

    items: list[Source]


@router.get("")
async def list_sources(services: ServicesOf, caller: CallerOf, cursor: Cursor = None, limit: Limit = 100) -> SourcePage:
    """Sources by name: those that are declared, and those that have sent something."""
    after: str | None = parse_cursor(cursor, NamePart)
    rows = await visible_sources(services, caller)
    page, next_cursor = cut([name for name in rows if after is None or name > after], limit, lambda name: name)
    board = await _board(services)
    items = [_source(services, name, rows[name], board) for name in page]
    return SourcePage(items=items, next_cursor=next_cursor)


@router.get("/{source}", responses=documented(ProblemType.NOT_FOUND))
async def get_source(services: ServicesOf, caller: CallerOf, source: SourceName) -> DeclaredSource:
    """One source, with its piece of the configuration."""
    rows = await visible_sources(services, caller)
    if source not in rows:
        raise ProblemError(ProblemType.NOT_FOUND, f"there is no source {source}")
    found = _source(services, source, rows[source], await _board(services))
    return DeclaredSource(**found.model_dump(), configuration=services.source_pieces.get(source))


async def _board(services: Services) -> Sequence[SourceStatus] | None:
    """What the workers say; None while NATS is away: the rest can be answered all the same."""
    try:
        return await services.board.read()
    except StreamAway:
        return None


def _source(
    services: Services, name: str, row: read_devices.Source | None, board: Sequence[SourceStatus] | None
) -> Source:
    declared = services.configuration.source(name)
    sessions = [status for status in board or () if status.source == name]
    return Source(
        name=name,
        tenant=row.tenant if row else declared.tenant if declared else "",
        declared=declared is not None,
        devices=row.devices if row else 0,
        first_seen_at=timestamp(row.created_at) if row else None,
        state=State.UNKNOWN if board is None else source_state(sessions),
        sessions=[_session(status) for status in sessions],
    )


def _session(status: SourceStatus) -> Session:
    said: dict[str, Any] = status.state
    since = said.get("since")
    return Session(
        session=status.session,
        instance=str(said.get("instance", "")),
        state=session_state(status),
        since=timestamp(since) if isinstance(since, int) else None,
        age_s=status.age_s,
        broker=str(said.get("broker", "")),
        topics=[str(topic) for topic in said.get("topics", ())],
        last_error=str(said.get("last_error", "")),
        warnings=[str(warning) for warning in said.get("warnings", ())],
        received_messages=int(said.get("received_messages", 0)),
    )
