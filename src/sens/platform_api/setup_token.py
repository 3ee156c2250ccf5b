"""The token that lets whoever deploys make the first admin: given in a file, worth nothing once there is an admin."""

import hmac
from pathlib import Path
from typing import Final

from sens.domain.errors import Fatal
from sens.platform_api.tokens import MAX_LENGTH, hash_of

MIN_LENGTH: Final = 20


class SetupToken:
    """The token, or that there is none."""

    def __init__(self, text: str | None = None) -> None:
        self._hash = None if text is None else hash_of(text)

    def is_(self, text: str) -> bool:
        """Whether the text is the token."""
        return self._hash is not None and hmac.compare_digest(self._hash, hash_of(text))


def read_setup_token(path: Path | None) -> SetupToken:
    """The token in the file.

    Raises:
        Fatal: the file cannot be read, or holds no token.
    """
    if path is None:
        return SetupToken()
    try:
        text = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or "it is no text"
        raise Fatal(f"SENS_SETUP_TOKEN_FILE: {path} cannot be read: {reason}") from error
    if not (text.isascii() and text.isprintable() and " " not in text and MIN_LENGTH <= len(text) <= MAX_LENGTH):
        raise Fatal(
            f"SENS_SETUP_TOKEN_FILE: {path} holds no token: write {MIN_LENGTH} to {MAX_LENGTH} random characters "
            "without spaces into it, for example with: openssl rand -hex 20"
        )
    return SetupToken(text)
