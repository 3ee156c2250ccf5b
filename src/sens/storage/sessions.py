"""Sessions of users, and tokens that open one once. Tokens are kept as hashes."""

from dataclasses import dataclass, field
from typing import cast

from sens.storage.queries import load
from sens.storage.reads import AsyncConnection, fetch, fetch_columns
from sens.storage.users import Role, User

KEPT_PER_USER = 50
"""Sessions; with more, the one that was used least recently ends."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is valid, and its user as of now. `stale`: it was not noted for a minute that it is used."""

    token_hash: bytes = field(repr=False)
    csrf_token: str = field(repr=False)
    user_id: int
    name: str
    role: Role
    tenant_id: int | None
    tenant: str | None
    stale: bool


async def start_session(
    connection: AsyncConnection, *, user_id: int, token_hash: bytes, csrf_token: str, idle_s: float, max_s: float
) -> None:
    """Keep a session that ends after `max_s`, or `idle_s` without use; and sweep up what has ended."""
    await fetch_columns(
        connection, load("sessions")["sweep"], {"user_id": user_id, "idle_s": idle_s, "keep": KEPT_PER_USER - 1}
    )
    parameters = {"user_id": user_id, "token_hash": token_hash, "csrf_token": csrf_token, "max_s": max_s}
    await fetch_columns(connection, load("sessions")["start"], parameters)


async def find_session(connection: AsyncConnection, token_hash: bytes, idle_s: float) -> Session | None:
    """The session, unless it has ended or its user is disabled."""
    found = await fetch(connection, load("sessions")["find"], {"token_hash": token_hash, "idle_s": idle_s}, Session)
    return found[0] if found else None


async def touch_session(connection: AsyncConnection, token_hash: bytes) -> None:
    """Note that the session is used now."""
    await fetch_columns(connection, load("sessions")["touch"], {"token_hash": token_hash})


async def end_session(connection: AsyncConnection, token_hash: bytes) -> None:
    """End one session."""
    await fetch_columns(connection, load("sessions")["end"], {"token_hash": token_hash})


async def end_sessions_of(connection: AsyncConnection, user_id: int, except_hash: bytes | None = None) -> None:
    """End the user's sessions and take back the login links, except for one session."""
    parameters = {"user_id": user_id, "except_hash": except_hash}
    await fetch_columns(connection, load("sessions")["end_of_user"], parameters)
    await fetch_columns(connection, load("sessions")["forget_login_tokens"], {"user_id": user_id})


async def insert_login_token(connection: AsyncConnection, *, user_id: int, token_hash: bytes, lasts_s: float) -> int:
    """Keep a token that opens one session. Returns when it expires, in µs."""
    parameters = {"user_id": user_id, "token_hash": token_hash, "lasts_s": lasts_s}
    columns = await fetch_columns(connection, load("sessions")["insert_login_token"], parameters)
    return cast(int, columns[0][0])


async def take_login_token(connection: AsyncConnection, token_hash: bytes) -> User | None:
    """Whom the token logs in; it is gone then. None: it is none, has expired, or the user is disabled."""
    found = await fetch(connection, load("sessions")["take_login_token"], {"token_hash": token_hash}, User)
    return found[0] if found else None
