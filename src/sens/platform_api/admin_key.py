"""The administrator's key: given in a file by whoever deploys, kept like every other key."""

from pathlib import Path
from typing import Final

import structlog

from sens.domain.errors import Fatal
from sens.platform_api.keys import Token, parse_token
from sens.storage.declared_keys import declare_api_key
from sens.storage.errors import DataRefused
from sens.storage.reads import Reader

log: structlog.stdlib.BoundLogger = structlog.get_logger()

NAME: Final = "admin"


def read_admin_key(path: Path) -> Token:
    """The key in the file.

    Raises:
        Fatal: the file cannot be read, or holds no key.
    """
    try:
        text = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or "it is no text"
        raise Fatal(f"SENS_ADMIN_API_KEY_FILE: {path} cannot be read: {reason}") from error
    token = parse_token(text)
    if token is None:
        raise Fatal(
            f"SENS_ADMIN_API_KEY_FILE: {path} holds no API key: write sens_ and 40 random characters of a-z, A-Z, 0-9, "
            "_ and - into it, for example with: echo sens_$(openssl rand -hex 20)"
        )
    return token


async def keep_admin_key(database: Reader, token: Token) -> None:
    """Keep the key as `admin`, in place of the one before.

    Raises:
        DatabaseAway, DatabaseBusy: to be done again.
        Fatal: it is another key of the list.
    """
    try:
        async with database.connection() as connection:
            key = await declare_api_key(connection, name=NAME, prefix=token.prefix, key_hash=token.hash, scope="admin")
    except DataRefused as error:
        raise Fatal(
            "SENS_ADMIN_API_KEY_FILE: its key begins like one that was made by the API: write a new one into the file"
        ) from error
    log.info("admin_key_kept", prefix=key.prefix)
