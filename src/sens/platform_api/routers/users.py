"""Users: who may log in, as what, and whose data they see."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field, StrictBool

from sens.platform_api.access import ADMIN
from sens.platform_api.auditing import AuditorOf, Subject, changed
from sens.platform_api.caller import Caller, CallerOf
from sens.platform_api.models import Model, Moment, Page, TenantName
from sens.platform_api.paging import Cursor, Limit, RowId, cut, parse_cursor
from sens.platform_api.problems import ProblemError, ProblemType, documented
from sens.platform_api.routers.login import NewPassword, UserName, name_taken
from sens.platform_api.services import ServicesOf
from sens.platform_api.tenancy import tenant_for
from sens.storage import sessions, users
from sens.storage.errors import DataRefused
from sens.storage.reads import AsyncConnection
from sens.storage.users import Role

router = APIRouter(prefix="/api/v1/users", tags=["users"], dependencies=[ADMIN])

Id = Annotated[int, Path(ge=1, le=2**31 - 1, examples=[3])]


class User(Model):
    """Somebody who may log in."""

    id: int = Field(examples=[1])
    name: str = Field(examples=["ann"])
    role: Role
    tenant: str | None = Field(description="Whose data this user sees; null: all.", examples=[None])
    has_password: bool = Field(description="Without one only a login link opens a session.")
    disabled: bool = Field(examples=[False])
    created_at: Moment
    last_login_at: Moment | None


class UserPage(Page):
    """Users by id."""

    items: list[User]


class NewUser(Model):
    """A user to make."""

    name: UserName
    role: Role = Field(description="viewer: all that GET gives. operator: also changes. admin: also users and keys.")
    password: NewPassword | None = Field(default=None, description="null: make a login link for the user.")
    tenant: TenantName | None = Field(
        default=None, description="Whose data this user sees; null: all that whoever makes it sees.", examples=["plant"]
    )


class UserChange(Model):
    """What to change; what is left out stays."""

    role: Role | None = Field(default=None, description="null: it stays.", examples=["operator"])
    password: NewPassword | None = Field(default=None, description="null: there is none any more.")
    disabled: StrictBool | None = Field(default=None, description="null: it stays.", examples=[True])


@router.get("")
async def list_users(
    services: ServicesOf, caller: CallerOf, cursor: Cursor = None, limit: Limit = 100
) -> UserPage:  # fmt: skip
    """All users; those of the tenant, if the caller belongs to one."""
    after = parse_cursor(cursor, RowId) or 0
    async with services.database.connection() as connection:
        rows = await users.list_users(connection, caller.tenant_id, after=after, limit=limit + 1)
    rows, next_cursor = cut(rows, limit, lambda row: row.id)
    return UserPage(items=[User.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.post("", status_code=201, responses=documented(ProblemType.NAME_TAKEN, ProblemType.TOO_MANY_LOGINS))
async def create_user(services: ServicesOf, caller: CallerOf, audit: AuditorOf, body: NewUser) -> User:
    """Make a user."""
    hash_ = None if body.password is None else await services.passwords.hash(body.password.get_secret_value())
    try:
        async with services.database.connection() as connection, connection.transaction():
            tenant_id = await tenant_for(services, connection, caller, body.tenant)
            row = await users.insert_user(
                connection, name=body.name, role=body.role, password_hash=hash_, tenant_id=tenant_id
            )
            await audit.write(
                connection, "user.create", _subject(row), after=_values(row)
            )  # fmt: skip
    except DataRefused as error:
        raise name_taken(body.name) from error
    return User.model_validate(row)


@router.patch(
    "/{user_id}",
    responses=documented(ProblemType.NOT_FOUND, ProblemType.LAST_ADMIN, ProblemType.TOO_MANY_LOGINS),
)
async def change_user(services: ServicesOf, caller: CallerOf, audit: AuditorOf, user_id: Id, body: UserChange) -> User:
    """Change a user. With a new password, or when disabled, all sessions of the user end."""
    sets_password = "password" in body.model_fields_set
    hash_ = None if body.password is None else await services.passwords.hash(body.password.get_secret_value())
    async with services.database.connection() as connection, connection.transaction():
        await users.lock_users(connection)
        row = await _find(connection, caller, user_id)
        role = body.role or row.role
        disabled = row.disabled if body.disabled is None else body.disabled
        password_hash = hash_ if sets_password else row.password_hash
        await users.change_user(connection, user_id, role=role, disabled=disabled, password_hash=password_hash)
        await _require_an_admin(connection, row)
        if sets_password or disabled:
            await sessions.end_sessions_of(connection, user_id)
        before, after = changed(_values(row), {"role": role, "disabled": disabled})
        if sets_password:
            before, after = before | {"has_password": row.has_password}, after | {"has_password": hash_ is not None}
        if after:
            await audit.write(connection, "user.update", _subject(row), before, after)
        row = await _find(connection, caller, user_id)
    services.sessions.forget_user(user_id)
    return User.model_validate(row)


@router.delete(
    "/{user_id}", status_code=204, responses=documented(ProblemType.NOT_FOUND, ProblemType.LAST_ADMIN)
)  # fmt: skip
async def delete_user(services: ServicesOf, caller: CallerOf, audit: AuditorOf, user_id: Id) -> None:
    """Delete a user, whose sessions end. What the user did stays in the audit list."""
    async with services.database.connection() as connection, connection.transaction():
        await users.lock_users(connection)
        row = await _find(connection, caller, user_id)
        await users.delete_user(connection, user_id)
        await _require_an_admin(connection, row)
        await audit.write(connection, "user.delete", _subject(row), before=_values(row))
    services.sessions.forget_user(user_id)


async def _find(connection: AsyncConnection, caller: Caller, user_id: int) -> users.User:
    row = await users.find_user(connection, user_id, caller.tenant_id)
    if row is None:
        raise ProblemError(ProblemType.NOT_FOUND, f"there is no user {user_id}")
    return row


async def _require_an_admin(connection: AsyncConnection, before: users.User) -> None:
    """Undo the change where it took the last one who can run the platform."""
    if before.runs_the_platform and not await users.list_platform_admins(connection):
        raise ProblemError(ProblemType.LAST_ADMIN, f"{before.name} is the last admin: make another one first")


def _values(row: users.User) -> dict[str, object]:
    return {"role": row.role, "disabled": row.disabled, "tenant": row.tenant}


def _subject(row: users.User) -> Subject:
    return Subject("user", row.id, row.name, row.tenant_id)
