"""Logging in and out: sessions of users, one-time links, the first admin."""

from typing import Annotated, Final

from fastapi import APIRouter, Request, Response
from pydantic import Field, SecretStr

from sens.platform_api.access import PLATFORM_ADMIN, SessionOf
from sens.platform_api.auditing import AuditorOf, Subject, auditor
from sens.platform_api.caller import Caller
from sens.platform_api.models import Model, Moment
from sens.platform_api.passwords import MAX_LENGTH, MIN_LENGTH
from sens.platform_api.problems import ProblemError, ProblemType, documented
from sens.platform_api.services import Services, ServicesOf
from sens.platform_api.tokens import MAX_LENGTH as MAX_TOKEN_LENGTH
from sens.platform_api.tokens import hash_of, new_secret
from sens.storage import sessions, users
from sens.storage.errors import DataRefused
from sens.storage.reads import AsyncConnection
from sens.storage.users import Role, User

router = APIRouter(prefix="/api/v1", tags=["session"])

LINK_LASTS_S: Final = 600.0
LINK_PATH: Final = "/login#token="

UserName = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9._@-]{0,63}$", description="a-z, 0-9 and ._@-; unique over all.", examples=["ann"]),
]
NewPassword = Annotated[
    SecretStr,
    Field(
        min_length=MIN_LENGTH,
        max_length=MAX_LENGTH,
        description=f"{MIN_LENGTH} characters or more.",
        examples=["correct horse battery"],
    ),
]
GivenPassword = Annotated[SecretStr, Field(max_length=MAX_LENGTH, examples=["correct horse battery"])]
Token = Annotated[SecretStr, Field(max_length=MAX_TOKEN_LENGTH, examples=["Zk3v…"])]


class PasswordLogin(Model):
    """A user and the password."""

    username: Annotated[str, Field(max_length=MAX_LENGTH, examples=["ann"])]
    password: GivenPassword


class TokenLogin(Model):
    """A token from a link to log in, or the token that sets the platform up."""

    token: Token


class Setup(Model):
    """The first admin."""

    token: Token
    username: UserName
    password: NewPassword


class PasswordChange(Model):
    """A new password of one's own."""

    current_password: GivenPassword | None = Field(
        default=None, description="Not needed by a user who has none, and logged in by a link."
    )
    new_password: NewPassword


class SessionUser(Model):
    """Who is logged in."""

    id: int = Field(examples=[1])
    name: str = Field(examples=["ann"])
    role: Role
    tenant: str | None = Field(description="Whose data this user sees; null: all.", examples=[None])


class SessionAnswer(Model):
    """A session. All is null where the platform has to be set up first: see `POST /api/v1/setup`."""

    user: SessionUser | None
    csrf_token: str | None = Field(
        description="To be sent with each write as `X-CSRF-Token`.", examples=["7uQ2c0b3…"]
    )  # fmt: skip
    setup_required: bool = Field(default=False, description="The token was the one that sets the platform up.")


class LinkRequest(Model):
    """For whom a link is made."""

    username: UserName | None = Field(
        default=None, description="null: an admin of all tenants; a user `admin` is made if there is none."
    )


class LoginLink(Model):
    """A link that logs in once."""

    username: str = Field(examples=["admin"])
    path: str = Field(description="To be opened in a browser, behind the console's address.", examples=[LINK_PATH])
    expires_at: Moment


@router.post("/session", responses=documented(ProblemType.LOGIN_REFUSED, ProblemType.TOO_MANY_LOGINS))
async def log_in(
    request: Request, response: Response, services: ServicesOf, body: PasswordLogin | TokenLogin
) -> SessionAnswer:
    """Log in: the answer's cookie opens what the user's role may do."""
    if isinstance(body, PasswordLogin):
        user = await _by_password(request, services, body)
        async with services.database.connection() as connection, connection.transaction():
            return await _start(request, response, services, connection, user, "session.start")
    token = body.token.get_secret_value()
    services.throttle.begin("", _address(request))
    async with services.database.connection() as connection, connection.transaction():
        if services.setup_token.is_(token) and not await users.list_platform_admins(connection):
            services.throttle.succeeded("", _address(request))
            return SessionAnswer(user=None, csrf_token=None, setup_required=True)
        user = await sessions.take_login_token(connection, hash_of(token))
        if user is None:
            raise ProblemError(ProblemType.LOGIN_REFUSED)
        services.throttle.succeeded("", _address(request))
        return await _start(request, response, services, connection, user, "session.start_by_link")


@router.get("/session")
async def get_session(session: SessionOf) -> SessionAnswer:
    """The session that the cookie opens. An API key has none."""
    user = SessionUser(id=session.user_id, name=session.name, role=session.role, tenant=session.tenant)
    return SessionAnswer(user=user, csrf_token=session.csrf_token)


@router.delete("/session", status_code=204)
async def log_out(request: Request, response: Response, services: ServicesOf, session: SessionOf) -> None:
    """Log out: the session ends."""
    async with services.database.connection() as connection, connection.transaction():
        await sessions.end_session(connection, session.token_hash)
        audit = auditor(request, Caller.of_session(session))
        await audit.write(connection, "session.end", Subject("user", session.user_id, session.name, session.tenant_id))
    services.sessions.forget_user(session.user_id)
    services.sessions.take(response, request)


@router.post(
    "/session/password",
    status_code=204,
    responses=documented(ProblemType.LOGIN_REFUSED, ProblemType.TOO_MANY_LOGINS),
)
async def change_own_password(request: Request, services: ServicesOf, session: SessionOf, body: PasswordChange) -> None:
    """Change one's own password. One's other sessions end."""
    async with services.database.connection() as connection:
        user = await users.find_user(connection, session.user_id)
    if user is None:
        raise ProblemError(ProblemType.NOT_AUTHENTICATED)
    if user.password_hash is not None:
        given = "" if body.current_password is None else body.current_password.get_secret_value()
        await _check_password(request, services, user.name, user, given)
    hash_ = await services.passwords.hash(body.new_password.get_secret_value())
    async with services.database.connection() as connection, connection.transaction():
        await users.set_password(connection, user.id, hash_)
        await sessions.end_sessions_of(connection, user.id, except_hash=session.token_hash)
        audit = auditor(request, Caller.of_session(session))
        await audit.write(connection, "user.change_password", Subject("user", user.id, user.name, user.tenant_id))
    services.sessions.forget_user(user.id)


@router.post(
    "/setup",
    responses=documented(
        ProblemType.LOGIN_REFUSED, ProblemType.SETUP_CLOSED, ProblemType.NAME_TAKEN, ProblemType.TOO_MANY_LOGINS
    ),
)
async def set_up(request: Request, response: Response, services: ServicesOf, body: Setup) -> SessionAnswer:
    """Make the first admin, with the token that whoever deploys the platform gave it, and log in."""
    services.throttle.begin("", _address(request))
    if not services.setup_token.is_(body.token.get_secret_value()):
        raise ProblemError(ProblemType.LOGIN_REFUSED)
    services.throttle.succeeded("", _address(request))
    hash_ = await services.passwords.hash(body.password.get_secret_value())
    try:
        async with services.database.connection() as connection, connection.transaction():
            await users.lock_users(connection)
            if await users.list_platform_admins(connection):
                raise ProblemError(ProblemType.SETUP_CLOSED)
            user = await users.insert_user(
                connection, name=body.username, role="admin", password_hash=hash_, tenant_id=None
            )
            return await _start(request, response, services, connection, user, "user.set_up")
    except DataRefused as error:
        raise name_taken(body.username) from error


@router.post(
    "/login-links",
    status_code=201,
    dependencies=[PLATFORM_ADMIN],
    responses=documented(ProblemType.NOT_FOUND, ProblemType.NAME_TAKEN),
)
async def create_login_link(services: ServicesOf, audit: AuditorOf, body: LinkRequest) -> LoginLink:
    """Make a link that logs a user in, once and within ten minutes: for whom has no password, or forgot it."""
    token = new_secret()
    async with services.database.connection() as connection, connection.transaction():
        await users.lock_users(connection)
        user = await _whom(connection, audit, body.username)
        expires_at = await sessions.insert_login_token(
            connection, user_id=user.id, token_hash=hash_of(token), lasts_s=LINK_LASTS_S
        )
        await audit.write(connection, "user.make_login_link", Subject("user", user.id, user.name, user.tenant_id))
    return LoginLink.model_validate({"username": user.name, "path": LINK_PATH + token, "expires_at": expires_at})


async def _whom(connection: AsyncConnection, audit: AuditorOf, name: str | None) -> User:
    """Whom a link logs in."""
    if name is not None:
        found = await users.find_user_by_name(connection, name)
        if found is None or found.disabled:
            raise ProblemError(ProblemType.NOT_FOUND, f"there is no user {name}, or it is disabled")
        return found
    admins = await users.list_platform_admins(connection)
    if admins:
        return next((each for each in admins if each.name == "admin"), admins[0])
    if await users.find_user_by_name(connection, "admin") is not None:
        raise ProblemError(ProblemType.NAME_TAKEN, "there is a user admin, but it is no admin of all tenants")
    made = await users.insert_user(connection, name="admin", role="admin", password_hash=None, tenant_id=None)
    await audit.write(connection, "user.create", Subject("user", made.id, made.name, None), after={"role": "admin"})
    return made


async def _by_password(request: Request, services: Services, body: PasswordLogin) -> User:
    name = body.username.lower()
    async with services.database.connection() as connection:
        user = await users.find_user_by_name(connection, name) if "\0" not in name else None
    known = None if user is None or user.disabled else user
    password = body.password.get_secret_value()
    user = await _check_password(request, services, name, known, password)
    if user.password_hash is not None and services.passwords.outdated(user.password_hash):
        hash_ = await services.passwords.hash(password)
        async with services.database.connection() as connection:
            await users.set_password(connection, user.id, hash_)
    return user


async def _check_password(request: Request, services: Services, name: str, user: User | None, password: str) -> User:
    """The user whose password it is; a user that is not there takes as long as a wrong password.

    Raises:
        ProblemError: it is not, or was tried too often.
    """
    services.throttle.begin(name, _address(request))
    fits = await services.passwords.fits(None if user is None else user.password_hash, password)
    if user is None or not fits:
        raise ProblemError(ProblemType.LOGIN_REFUSED)
    services.throttle.succeeded(name, _address(request))
    return user


async def _start(
    request: Request, response: Response, services: Services, connection: AsyncConnection, user: User, action: str
) -> SessionAnswer:
    """Start a session in the transaction, and write down how it came to be."""
    started = await services.sessions.start(connection, user.id)
    subject = Subject("user", user.id, user.name, user.tenant_id)
    await auditor(request, Caller.of_user(user)).write(connection, action, subject)
    services.sessions.give(response, request, started)
    return SessionAnswer(user=SessionUser.model_validate(user), csrf_token=started.csrf_token)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def name_taken(name: str) -> ProblemError:
    """The error for a user that is there already."""
    return ProblemError(ProblemType.NAME_TAKEN, f"there is a user named {name}: choose another name")
