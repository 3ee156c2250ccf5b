"""API keys."""

import time
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import AfterValidator, AwareDatetime, Field

from sens.platform_api.access import ADMIN
from sens.platform_api.auditing import AuditorOf, Subject
from sens.platform_api.caller import CallerOf
from sens.platform_api.keys import TRUSTED_S, new_token, parse_token
from sens.platform_api.models import Model, Moment, Page, TenantName
from sens.platform_api.paging import Cursor, Limit, RowId, cut, parse_cursor
from sens.platform_api.problems import ProblemError, ProblemType, documented
from sens.platform_api.services import ServicesOf
from sens.platform_api.tenancy import tenant_for
from sens.platform_api.times import NEWEST, rfc3339
from sens.storage import api_keys
from sens.storage.api_keys import Scope
from sens.storage.errors import DataRefused
from sens.storage.times import microseconds

router = APIRouter(prefix="/api/v1/api-keys", tags=["api keys"], dependencies=[ADMIN])


def _in_future(moment: datetime) -> datetime:
    if not time.time_ns() // 1000 < microseconds(moment) <= NEWEST:
        raise ValueError("must lie ahead, and before the year 2200")
    return moment


class NewApiKey(Model):
    """A key to make."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}$", description="For a person; unique.", examples=["grafana"]
    )
    scope: Scope = Field(
        description="read: all that GET gives. operate: also replay and discard. admin: also keys.", examples=["read"]
    )
    tenant: TenantName | None = Field(
        default=None, description="Whose data it opens; null: all that whoever makes it sees.", examples=["plant"]
    )
    expires_at: Annotated[AwareDatetime, AfterValidator(_in_future)] | None = Field(
        default=None, description="null: never.", examples=["2027-01-01T00:00:00Z"]
    )


class ApiKey(Model):
    """A key, without the key itself, of which only a hash is kept."""

    id: int = Field(examples=[3])
    name: str = Field(examples=["grafana"])
    prefix: str = Field(description="What follows `sens_` in it, to recognize it by.", examples=["kX3_wq9Zr0aB"])
    scope: Scope
    tenant: str | None = Field(description="Whose data it opens; null: all.", examples=[None])
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None


class CreatedApiKey(ApiKey):
    """A key that was made just now."""

    key: str = Field(description="The key. It is shown this once.", examples=["sens_" + "k" * 40])


class ApiKeyPage(Page):
    """Keys by id, also expired and revoked ones."""

    items: list[ApiKey]


@router.get("")
async def list_api_keys(
    services: ServicesOf, caller: CallerOf, cursor: Cursor = None, limit: Limit = 100
) -> ApiKeyPage:
    """All keys; those of the tenant, if the caller belongs to one."""
    after = parse_cursor(cursor, RowId) or 0
    async with services.database.connection() as connection:
        rows = await api_keys.list_api_keys(connection, caller.tenant_id, after=after, limit=limit + 1)
    rows, next_cursor = cut(rows, limit, lambda row: row.id)
    return ApiKeyPage(items=[ApiKey.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.post("", status_code=201, responses=documented(ProblemType.NAME_TAKEN))
async def create_api_key(services: ServicesOf, caller: CallerOf, audit: AuditorOf, body: NewApiKey) -> CreatedApiKey:
    """Make a key. Keep what `key` says: it is not shown again."""
    text = new_token()
    token = parse_token(text)
    assert token is not None, "a new key has the form of one"
    expires_at = None if body.expires_at is None else microseconds(body.expires_at)
    try:
        async with services.database.connection() as connection, connection.transaction():
            tenant_id = await tenant_for(services, connection, caller, body.tenant)
            row = await api_keys.insert_api_key(
                connection,
                name=body.name,
                prefix=token.prefix,
                key_hash=token.hash,
                scope=body.scope,
                expires_at=expires_at,
                tenant_id=tenant_id,
            )
            await audit.write(connection, "api_key.create", _subject(row), after=_values(row))
    except DataRefused as error:
        raise ProblemError(ProblemType.NAME_TAKEN, f"there is a key named {body.name}: choose another name") from error
    return CreatedApiKey.model_validate(ApiKey.model_validate(row).model_dump() | {"key": text})


@router.delete("/{key_id}", responses=documented(ProblemType.NOT_FOUND))
async def revoke_api_key(
    services: ServicesOf,
    caller: CallerOf,
    audit: AuditorOf,
    key_id: Annotated[int, Path(ge=1, le=2**31 - 1, examples=[5])],
) -> ApiKey:
    """Revoke a key: it opens nothing any more, at the latest after five seconds. It stays in the list."""
    async with services.database.connection() as connection, connection.transaction():
        row = await api_keys.revoke_api_key(connection, key_id, caller.tenant_id)
        if row is None:
            raise ProblemError(ProblemType.NOT_FOUND, f"there is no API key {key_id}")
        await audit.write(connection, "api_key.revoke", _subject(row), before=_values(row))
    services.keyring.forget(key_id)
    return ApiKey.model_validate(row)


def _subject(row: api_keys.ApiKey) -> Subject:
    return Subject("api_key", row.id, row.name, row.tenant_id)


def _values(row: api_keys.ApiKey) -> dict[str, object]:
    expires = None if row.expires_at is None else rfc3339(row.expires_at)
    return {"scope": row.scope, "tenant": row.tenant, "expires_at": expires}


assert TRUSTED_S <= 5, "the docstring above tells clients so"
