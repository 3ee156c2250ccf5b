"""Who may do what: dependencies that let a request through, or end it with 401 or 403.

An API key in a header goes before the cookie. With the cookie each write needs the session's CSRF token.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from sens.platform_api.caller import Caller
from sens.platform_api.problems import ProblemError, ProblemType
from sens.platform_api.services import services_of
from sens.platform_api.sessions import COOKIE, CSRF_HEADER, require_csrf_token
from sens.storage.api_keys import Scope
from sens.storage.sessions import Session

_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="`Authorization: Bearer sens_…`")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="apiKey", description="`X-API-Key: sens_…`")
_cookie = APIKeyCookie(
    name=COOKIE,
    auto_error=False,
    scheme_name="session",
    description=f"Given by `POST /api/v1/session`. Writes need its `csrf_token` in the header `{CSRF_HEADER}`.",
)
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="sens"'}


async def _identify(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    header: Annotated[str | None, Security(_header)],
    cookie: Annotated[str | None, Security(_cookie)],
) -> Caller:
    """Whoever asks; kept in `request.state`, with what a stream asks again: whether that one is still let in."""
    token = bearer.credentials if bearer else header
    caller = None
    if token is not None:
        key = await services_of(request).keyring.verify(token)
        caller = Caller.of_key(key) if key else None
        request.state.still_allowed = partial(_key_is_valid, request, token)
    elif cookie is not None:
        caller = Caller.of_session(await _session(request, cookie))
        request.state.still_allowed = partial(_session_is_valid, request, cookie)
    if caller is None:
        raise ProblemError(ProblemType.NOT_AUTHENTICATED, headers=_CHALLENGE)
    request.state.caller = caller
    return caller


def _requires(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    async def check(caller: Annotated[Caller, Depends(_identify)]) -> Caller:
        if not caller.may(scope):
            who = f"the key {caller.name}" if caller.kind == "api_key" else f"the user {caller.name}"
            raise ProblemError(
                ProblemType.SCOPE_MISSING, f"this needs the scope {scope}, {who} has {caller.scope}"
            )  # fmt: skip
        return caller

    return check


async def _requires_platform(caller: Annotated[Caller, Depends(_requires("admin"))]) -> Caller:
    if caller.tenant_id is not None:
        raise ProblemError(
            ProblemType.SCOPE_MISSING, f"this needs an admin of all tenants, {caller.name} is one of {caller.tenant}"
        )
    return caller


async def _requires_session(request: Request, cookie: Annotated[str | None, Security(_cookie)]) -> Session:
    if cookie is None:
        raise ProblemError(ProblemType.NOT_AUTHENTICATED, "no session: log in", headers=_CHALLENGE)
    return await _session(request, cookie)


async def _session(request: Request, cookie: str) -> Session:
    session = await services_of(request).sessions.find(cookie)
    if session is None:
        raise ProblemError(ProblemType.NOT_AUTHENTICATED, "the session has ended: log in again", headers=_CHALLENGE)
    require_csrf_token(request, session)
    return session


async def _key_is_valid(request: Request, token: str) -> bool:
    return await services_of(request).keyring.verify(token) is not None


async def _session_is_valid(request: Request, cookie: str) -> bool:
    return await services_of(request).sessions.find(cookie) is not None


READ: Any = Depends(_requires("read"))
OPERATE: Any = Depends(_requires("operate"))
ADMIN: Any = Depends(_requires("admin"))
PLATFORM_ADMIN: Any = Depends(_requires_platform)
"""Admins of all tenants."""
SessionOf = Annotated[Session, Depends(_requires_session)]
"""The session of the cookie; an API key opens nothing here."""
