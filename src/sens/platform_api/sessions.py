"""Sessions of users: started, found by their cookie, ended.

A session that was found valid is trusted for `TRUSTED_S`, as a key is, so that a page of the console costs few
queries; what ends one in this process is noticed at once.
"""

import hmac
import time
from typing import Final, NamedTuple

from fastapi import Request, Response

from sens.platform_api.keys import MAX_TRUSTED, TRUSTED_S
from sens.platform_api.problems import ProblemError, ProblemType
from sens.platform_api.together import Together
from sens.platform_api.tokens import MAX_LENGTH, hash_of, new_secret
from sens.storage import sessions
from sens.storage.reads import AsyncConnection, Reader
from sens.storage.sessions import Session

COOKIE: Final = "sens_session"
CSRF_HEADER: Final = "X-CSRF-Token"
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class SessionRules(NamedTuple):
    """How long sessions last: `idle_s` without use, `max_s` in all; whether cookies are for https only."""

    idle_s: float = 3 * 86_400.0
    max_s: float = 30 * 86_400.0
    always_secure: bool = False


class Started(NamedTuple):
    """What opens the session that began, and what its writes have to bear."""

    token: str
    csrf_token: str


class SessionRing:
    """Starts, finds and ends sessions."""

    def __init__(self, database: Reader, rules: SessionRules) -> None:
        self._database = database
        self._rules = rules
        self._trusted: dict[bytes, tuple[Session, float]] = {}
        self._looked_up = Together[bytes, Session | None]()

    async def start(self, connection: AsyncConnection, user_id: int) -> Started:
        """Start a session, in the caller's transaction."""
        started = Started(new_secret(), new_secret())
        await sessions.start_session(
            connection,
            user_id=user_id,
            token_hash=hash_of(started.token),
            csrf_token=started.csrf_token,
            idle_s=self._rules.idle_s,
            max_s=self._rules.max_s,
        )
        return started

    async def find(self, token: str) -> Session | None:
        """The session; None: it has ended, or never was.

        Raises:
            DatabaseAway, DatabaseBusy: it could not be looked up.
        """
        if len(token) > MAX_LENGTH:
            return None
        key = hash_of(token)
        known, until = self._trusted.get(key, (None, 0.0))
        if known is not None and time.monotonic() < until:
            return known
        return await self._looked_up.ask(key, lambda: self._look_up(key))

    async def _look_up(self, key: bytes) -> Session | None:
        async with self._database.connection() as connection:
            found = await sessions.find_session(connection, key, self._rules.idle_s)
            if found is not None and found.stale:
                await sessions.touch_session(connection, key)
        self._trusted.pop(key, None)
        if found is not None:
            while len(self._trusted) >= MAX_TRUSTED:
                del self._trusted[next(iter(self._trusted))]
            self._trusted[key] = (found, time.monotonic() + TRUSTED_S)
        return found

    def forget_user(self, user_id: int) -> None:
        """Look the user's sessions up the next time: some ended, or the role changed."""
        self._trusted = {key: kept for key, kept in self._trusted.items() if kept[0].user_id != user_id}

    def give(self, response: Response, request: Request, started: Started) -> None:
        """Put the session's cookie into the response."""
        lasts_s = round(self._rules.max_s)
        secure = self._secure(request)
        response.set_cookie(COOKIE, started.token, lasts_s, secure=secure, httponly=True, samesite="strict")

    def take(self, response: Response, request: Request) -> None:
        """Have the browser drop the cookie."""
        response.delete_cookie(COOKIE, secure=self._secure(request), httponly=True, samesite="strict")

    def _secure(self, request: Request) -> bool:
        # A proxy in front that ends TLS says so. If a client lies here, only its own cookie is the stricter for it.
        https = "https" in (request.url.scheme, request.headers.get("X-Forwarded-Proto", ""))
        return https or self._rules.always_secure


def require_csrf_token(request: Request, session: Session) -> None:
    """What another site's page cannot send along with the cookie.

    Raises:
        ProblemError: the request writes, and bears not the session's token.
    """
    given = request.headers.get(CSRF_HEADER, "")
    if request.method not in _READS and not hmac.compare_digest(given.encode(), session.csrf_token.encode()):
        raise ProblemError(ProblemType.CSRF_TOKEN_MISSING)
