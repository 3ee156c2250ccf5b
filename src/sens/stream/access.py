"""How a process gets to NATS, by its settings."""

import asyncio
import ssl
from pathlib import Path

from sens.runtime.settings import Settings
from sens.stream.connection import StreamConnection, connect
from sens.stream.errors import StreamRefused
from sens.stream.link import Address


def address_of(settings: Settings) -> Address:
    """Where NATS is, and what is shown and trusted there.

    Raises:
        StreamRefused: a bad URL, or a file that cannot be used.
    """
    ca = settings.nats_ca
    return Address.parse(
        settings.nats_url.get_secret_value(), settings.nats_credentials, None if ca is None else _trusting(ca)
    )


async def connect_by(settings: Settings, *, name: str, stopping: asyncio.Event) -> StreamConnection:
    """Connect as `connect()` does. Raises: as that."""
    return await connect(address_of(settings), name=name, stopping=stopping)


def _trusting(ca: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca))
    except (OSError, ssl.SSLError) as error:
        raise StreamRefused(f"the NATS authorities of SENS_NATS_CA={ca} cannot be used: {error}") from error
