"""How a process gets to NATS, by its settings."""

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path

from sens.runtime.settings import Settings
from sens.runtime.tls import trusting
from sens.stream.connection import StreamConnection, connect
from sens.stream.errors import StreamRefused
from sens.stream.link import Address


def address_of(settings: Settings) -> Address:
    """Where NATS is, and what is shown and trusted there.

    Raises:
        StreamRefused: a bad URL, or a file that cannot be used.
    """
    ca, password = settings.nats_ca, settings.nats_password
    address = Address.parse(
        settings.nats_url.get_secret_value(), settings.nats_credentials, None if ca is None else _trusting(ca)
    )
    if address.user is not None or settings.nats_user is None:
        return address
    return replace(address, user=settings.nats_user, password=None if password is None else password.get_secret_value())


async def connect_by(settings: Settings, *, name: str, stopping: asyncio.Event) -> StreamConnection:
    """Connect as `connect()` does. Raises: as that."""
    return await connect(address_of(settings), name=name, stopping=stopping, replicas=settings.nats_replicas)


def _trusting(ca: Path) -> ssl.SSLContext:
    try:
        return trusting(ca)
    except (OSError, ssl.SSLError) as error:
        raise StreamRefused(f"the NATS authorities of SENS_NATS_CA={ca} cannot be used: {error}") from error
