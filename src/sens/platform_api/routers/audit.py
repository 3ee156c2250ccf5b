"""The audit list: who changed what, when, and what it was before."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from sens.platform_api.access import ADMIN
from sens.platform_api.caller import CallerOf
from sens.platform_api.models import Model, Moment, Page
from sens.platform_api.paging import BigRowId, Cursor, Limit, NameFilter, cut, parse_cursor
from sens.platform_api.services import ServicesOf
from sens.storage.audit import AuditFilter, list_changes

router = APIRouter(prefix="/api/v1/audit", tags=["audit"], dependencies=[ADMIN])

ObjectKind = Literal["device", "series", "quarantine", "source", "user", "api_key"]


class AuditEntry(Model):
    """Something that somebody did. Names are as they were then."""

    id: int = Field(examples=[12])
    at: Moment
    actor_kind: Literal["user", "api_key"]
    actor_id: int = Field(examples=[1])
    actor: str = Field(description="Name of the user or key.", examples=["ann"])
    action: str = Field(examples=["device.update"])
    object_kind: ObjectKind
    object_id: int | None = Field(description="null where it was done to more than one.", examples=[7])
    object: str = Field(description="Name of what was changed.", examples=["boiler-1"])
    tenant: str | None = Field(description="Whose it is; null: the platform's.", examples=["default"])
    before: dict[str, Any] | None = Field(description="What changed, as it was.", examples=[{"label": None}])
    after: dict[str, Any] | None = Field(description="And as it became.", examples=[{"label": "Boiler, cellar"}])
    request_id: str = Field(description="As in the API's log.", examples=["5f0c21aa90b1c3d4"])


class AuditPage(Page):
    """The newest first."""

    items: list[AuditEntry]


@router.get("")
async def list_audit(
    services: ServicesOf,
    caller: CallerOf,
    actor: Annotated[NameFilter, Query(description="Name of a user or key.", examples=["ann"])] = None,
    action: Annotated[NameFilter, Query(examples=["device.update"])] = None,
    object_kind: ObjectKind | None = None,
    object_id: Annotated[int | None, Query(ge=1, le=2**63 - 1, examples=[7])] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> AuditPage:
    """Who did what, the newest first; to what belongs to the tenant, if the caller belongs to one."""
    before: int | None = parse_cursor(cursor, BigRowId)
    which = AuditFilter(caller.tenant_id, actor, action, object_kind, object_id)
    async with services.database.connection() as connection:
        rows = await list_changes(connection, which, before=before, limit=limit + 1)
    rows, next_cursor = cut(rows, limit, lambda row: row.id)
    return AuditPage(items=[AuditEntry.model_validate(row) for row in rows], next_cursor=next_cursor)
