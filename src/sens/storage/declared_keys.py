"""API keys whose text is given by whoever deploys, and which follow it."""

from sens.storage.api_keys import ApiKey, Scope
from sens.storage.queries import load
from sens.storage.reads import AsyncConnection, fetch


async def declare_api_key(
    connection: AsyncConnection, *, name: str, prefix: str, key_hash: str, scope: Scope
) -> ApiKey:
    """Keep the key under its name: in place of the one of that name, valid for ever, also if it was revoked.

    Raises:
        DataRefused: another key has the prefix.
    """
    parameters = {"name": name, "prefix": prefix, "key_hash": key_hash, "scope": scope}
    return (await fetch(connection, load("declared_keys")["declare"], parameters, ApiKey))[0]
