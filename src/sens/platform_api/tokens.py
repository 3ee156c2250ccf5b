"""Random tokens: of sessions, login links and against forged requests. Of what opens something only a hash is kept."""

import hashlib
import secrets
from typing import Final

MAX_LENGTH: Final = 256
_RANDOM_BYTES: Final = 32


def new_secret() -> str:
    """A new token, safe in URLs and cookies: nobody can guess it, even from its hash."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


def hash_of(token: str) -> bytes:
    """What is kept of a token. SHA-256 is enough for what is random; passwords have a slow hash."""
    return hashlib.sha256(token.encode()).digest()
