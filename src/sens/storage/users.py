"""Users as the database keeps them: name, role, tenant, and the hash of a password."""

from dataclasses import dataclass, field
from typing import Literal

from sens.storage.queries import load
from sens.storage.reads import MAX_ROWS, AsyncConnection, fetch, fetch_columns, limited

Role = Literal["viewer", "operator", "admin"]


@dataclass(frozen=True, slots=True)
class User:
    """A user's row; times in µs. `tenant_id` None: all tenants; `password_hash` None: no password."""

    id: int
    tenant_id: int | None
    tenant: str | None
    name: str
    role: Role
    password_hash: str | None = field(repr=False)
    disabled: bool
    created_at: int
    last_login_at: int | None

    @property
    def has_password(self) -> bool:
        return self.password_hash is not None

    @property
    def runs_the_platform(self) -> bool:
        """Whether this is an admin of all tenants who may log in: of those there must be one."""
        return self.role == "admin" and self.tenant_id is None and not self.disabled


async def lock_users(connection: AsyncConnection) -> None:
    """Let nobody else change users until the transaction ends; it must have begun."""
    await connection.execute(load("users")["lock"])


async def insert_user(
    connection: AsyncConnection, *, name: str, role: Role, password_hash: str | None, tenant_id: int | None
) -> User:
    """Keep a user.

    Raises:
        DataRefused: the name is taken.
    """
    parameters = {"name": name, "role": role, "password_hash": password_hash, "tenant_id": tenant_id}
    return (await fetch(connection, load("users")["insert"], parameters, User))[0]


async def find_user_by_name(connection: AsyncConnection, name: str) -> User | None:
    """The user of that name, of any tenant: names are unique over all."""
    found = await fetch(connection, load("users")["by_name"], {"name": name}, User)
    return found[0] if found else None


async def find_user(connection: AsyncConnection, user_id: int, tenant_id: int | None = None) -> User | None:
    """The user, if of the tenant; `tenant_id` None: of any."""
    found = await fetch(connection, load("users")["by_id"], {"id": user_id, "tenant_id": tenant_id}, User)
    return found[0] if found else None


async def list_users(
    connection: AsyncConnection, tenant_id: int | None = None, *, after: int = 0, limit: int = 100
) -> list[User]:
    """Users of the tenant (None: of all) by id, those after the id `after`."""
    parameters = {"tenant_id": tenant_id, "after": after, "limit": limited(limit)}
    return await fetch(connection, load("users")["list"], parameters, User)


async def list_platform_admins(connection: AsyncConnection) -> list[User]:
    """Those who run the platform, by id; see `User.runs_the_platform`."""
    return await fetch(connection, load("users")["platform_admins"], {"limit": MAX_ROWS}, User)


async def change_user(
    connection: AsyncConnection, user_id: int, *, role: Role, password_hash: str | None, disabled: bool
) -> None:
    """Write what may change of a user."""
    parameters = {"id": user_id, "role": role, "password_hash": password_hash, "disabled": disabled}
    await fetch_columns(connection, load("users")["change"], parameters)


async def set_password(connection: AsyncConnection, user_id: int, password_hash: str) -> None:
    """Write a new password's hash."""
    await fetch_columns(connection, load("users")["set_password"], {"id": user_id, "password_hash": password_hash})


async def delete_user(connection: AsyncConnection, user_id: int) -> None:
    """Delete a user and the sessions of that user."""
    await fetch_columns(connection, load("users")["delete"], {"id": user_id})
