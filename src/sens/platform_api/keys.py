"""API keys: their form, and the ring that checks them.

A key is `sens_` and at least 32 random characters, so nobody can guess it even from its hash: SHA-256 is
enough, where a password, which people choose, would need a slow hash.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple

from sens.platform_api.together import Together
from sens.storage.api_keys import ApiKey

PREFIX_LENGTH: Final = 12
RANDOM_BYTES: Final = 30  # 40 characters
TRUSTED_S: Final = 5.0
"""How long a key that was found valid is trusted without asking the database: a revocation takes that long."""
MAX_TRUSTED: Final = 1000
_TOKEN = re.compile(r"sens_[A-Za-z0-9_-]{32,128}")

FindKey = Callable[[str], Coroutine[Any, Any, ApiKey | None]]


class Token(NamedTuple):
    """An API key's text, taken apart: `prefix` is no secret, `hash` is what is kept."""

    prefix: str
    hash: str


def new_token() -> str:
    """A new API key."""
    return f"sens_{secrets.token_urlsafe(RANDOM_BYTES)}"


def parse_token(text: str) -> Token | None:
    """Take a key apart; None: it has not the form of one."""
    if not _TOKEN.fullmatch(text):
        return None
    return Token(text.removeprefix("sens_")[:PREFIX_LENGTH], hashlib.sha256(text.encode()).hexdigest())


class Keyring:
    """Checks keys. A valid one is trusted for `TRUSTED_S`, so that requests cost no query."""

    def __init__(self, find: FindKey) -> None:
        self._find = find
        self._trusted: dict[str, tuple[ApiKey, float]] = {}
        self._looked_up = Together[str, ApiKey | None]()

    async def verify(self, text: str) -> ApiKey | None:
        """The key's row; None: it is none of ours, expired or revoked.

        Raises:
            DatabaseAway, DatabaseBusy: it could not be looked up.
        """
        token = parse_token(text)
        if token is None:
            return None
        key = self._remembered(token.hash)
        if key is None:
            key = await self._looked_up.ask(token.hash, lambda: self._find(token.prefix))
            if key is None or key.revoked_at is not None or not hmac.compare_digest(key.key_hash, token.hash):
                return None
            self._remember(key)
        expired = key.expires_at is not None and key.expires_at <= time.time_ns() // 1000
        return None if expired else key

    def forget(self, key_id: int) -> None:
        """Ask the database the next time: the key was revoked."""
        self._trusted = {hash_: kept for hash_, kept in self._trusted.items() if kept[0].id != key_id}

    def _remembered(self, hash_: str) -> ApiKey | None:
        key, until = self._trusted.get(hash_, (None, 0.0))
        return key if time.monotonic() < until else None

    def _remember(self, key: ApiKey) -> None:
        # Only valid keys are kept: guesses cannot push them out.
        self._trusted.pop(key.key_hash, None)
        while len(self._trusted) >= MAX_TRUSTED:
            del self._trusted[next(iter(self._trusted))]
        self._trusted[key.key_hash] = (key, time.monotonic() + TRUSTED_S)
