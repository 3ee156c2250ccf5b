"""One TCP connection to NATS, from its start to its loss. The only file that imports nats.

The client library can reconnect by itself, but then it sends, after an outage, what was published
during it, and lets requests wait for answers that cannot come. So here a connection that is lost
stays lost: `sens.stream.connection` fails what waited on it and dials again.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import unquote, urlsplit

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg as Message

from sens.stream.errors import StreamAway, StreamRefused

__all__ = ["Address", "Deliver", "Link", "Message", "status"]

NO_RESPONDERS = "503"

CONNECT_TIMEOUT_S = 3
PING_INTERVAL_S = 10
LOST_POLL_S = 0.2
OLDEST_SERVER = (2, 11)  # direct reads of several messages
CLOSE_TIMEOUT_S = 3.0

Deliver = Callable[[Message], None]


class Stop(Protocol):
    """Ends a subscription. `drain`: what the server has sent until then is still delivered."""

    async def __call__(self, *, drain: bool) -> None: ...


def status(message: Message) -> str | None:
    """The code of a status message ("404", "503", …); None for a message with content."""
    return message.headers.get("Status") if message.headers else None


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """Where the servers are and how to log in. Has no repr, because it holds secrets.

    Attributes:
        urls: one server of a cluster each, without user and password.
        user, password: from the first URL that has them.
        credentials: a NATS .creds file.
        tls: for tls:// and for servers that require it; the system's CAs when None.
    """

    urls: list[str]
    user: str | None = None
    password: str | None = None
    credentials: Path | None = None
    tls: ssl.SSLContext | None = None

    @classmethod
    def parse(cls, url: str, credentials: Path | None = None, tls: ssl.SSLContext | None = None) -> "Address":
        """Read one URL, or several with commas between.

        Raises:
            StreamRefused: it is no NATS URL, or the credentials file is not there.
        """
        if credentials is not None and not credentials.is_file():
            raise StreamRefused(f"the NATS credentials file {credentials} is not there")
        urls: list[str] = []
        user = password = None
        for part in (part.strip() for part in url.split(",")):
            try:
                split = urlsplit(part)
                host, port = split.hostname, split.port or 4222
            except ValueError:
                host, port, split = None, 0, urlsplit("")
            if split.scheme not in ("nats", "tls") or not host:
                raise StreamRefused("a NATS URL looks like nats://host:4222 or tls://user:password@host:4222")
            urls.append(f"{split.scheme}://{f'[{host}]' if ':' in host else host}:{port}")
            if user is None and split.username:
                user = unquote(split.username)
                password = None if split.password is None else unquote(split.password)
        return cls(urls, user, password, credentials, tls)


class _Subscription(Protocol):
    async def unsubscribe(self) -> None: ...
    async def drain(self) -> None: ...


class _Version(Protocol):
    @property
    def major(self) -> int: ...
    @property
    def minor(self) -> int: ...


class _Client(Protocol):
    """The part of nats-py's client that is used, with the types it lacks."""

    @property
    def max_payload(self) -> int: ...
    @property
    def connected_server_version(self) -> _Version: ...
    @property
    def is_closed(self) -> bool: ...
    @property
    def pending_data_size(self) -> int: ...
    async def connect(self, servers: list[str], **options: Any) -> None: ...
    async def publish(self, subject: str, payload: bytes, reply: str, headers: dict[str, str] | None) -> None: ...
    async def subscribe(
        self, subject: str, *, cb: Callable[[Message], Awaitable[None]], pending_bytes_limit: int
    ) -> _Subscription: ...
    async def flush(self, timeout: int) -> None: ...
    async def close(self) -> None: ...


def _retrieved(task: asyncio.Task[None]) -> None:
    """Where the client fails to close a transport that is gone already, that is all it has to say."""
    if not task.cancelled():
        task.exception()


class Link:
    """A connection that lives until it is lost or closed."""

    def __init__(self) -> None:
        self._client = cast(_Client, Client())
        self._lost = asyncio.Event()
        self._subscriptions = set[_Subscription]()
        self.last_error = ""

    @classmethod
    async def dial(cls, address: Address, name: str) -> "Link":
        """Connect once.

        Raises:
            StreamAway: nobody answers.
            StreamRefused: the server refuses the credentials, or is too old.
        """
        link = cls()
        options = {"user": address.user, "password": address.password, "tls": address.tls, "name": name}
        if address.user is not None and address.password is None:
            options |= {"user": None, "token": address.user}
        if address.credentials is not None:
            options["user_credentials"] = str(address.credentials)
        try:
            await link._client.connect(
                address.urls,
                error_cb=link._on_error,
                closed_cb=link._on_closed,
                connect_timeout=CONNECT_TIMEOUT_S,
                ping_interval=PING_INTERVAL_S,
                allow_reconnect=False,
                # With these two it tries each server twice without a pause and then gives up.
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                # No limit here: publish() would wait where no timeout can end it. Callers have limits.
                pending_size=0,
                **options,
            )
        except (OSError, nats.errors.Error, TimeoutError, ValueError) as error:  # ValueError: an endless line
            await link.close()
            text = link.last_error or str(error) or type(error).__name__
            if "authorization violation" in text.lower():
                raise StreamRefused("NATS refuses the user, password or credentials file: correct them") from error
            raise StreamAway(f"NATS cannot be reached: {text}") from error
        except asyncio.CancelledError:
            await link.close()
            raise
        await link._require_version()
        cast("Any", link._client)._reading_task.add_done_callback(_retrieved)
        return link

    async def _require_version(self) -> None:
        version = self._client.connected_server_version
        if (version.major, version.minor) < OLDEST_SERVER:
            await self.close()
            raise StreamRefused(f"the NATS server is {version.major}.{version.minor}: update it to 2.11 or newer")

    @property
    def max_payload(self) -> int:
        return self._client.max_payload

    @property
    def unsent_bytes(self) -> int:
        return self._client.pending_data_size

    async def _on_error(self, error: Exception) -> None:
        self.last_error = str(error) or type(error).__name__

    async def _on_closed(self) -> None:
        self._lost.set()

    async def wait_lost(self) -> None:
        """Return when the connection is lost.

        The client tells so by a callback, but not when closing itself fails or hangs (it writes what is
        left to a dead socket first): so look, too.
        """
        while not self._client.is_closed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._lost.wait(), LOST_POLL_S)

    async def send(self, subject: str, data: bytes, reply: str, headers: dict[str, str] | None) -> None:
        """Hand a message to the socket's queue.

        Raises:
            StreamAway: the connection is lost; nothing was sent.
        """
        try:
            await self._client.publish(subject, data, reply, headers)
        except (OSError, nats.errors.Error) as error:
            raise StreamAway(f"the connection to NATS is lost: {error}") from error

    async def listen(self, subject: str, deliver: Deliver) -> Stop:
        """Subscribe; `deliver` is called for each message, in order. Returns what ends it."""

        async def callback(message: Message) -> None:
            deliver(message)

        try:
            subscription = await self._client.subscribe(subject, cb=callback, pending_bytes_limit=0)
        except (OSError, nats.errors.Error) as error:
            raise StreamAway(f"the connection to NATS is lost: {error}") from error

        self._subscriptions.add(subscription)

        async def stop(*, drain: bool) -> None:
            self._subscriptions.discard(subscription)
            with contextlib.suppress(OSError, nats.errors.Error, TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await (subscription.drain() if drain else subscription.unsubscribe())

        return stop

    async def close(self) -> None:
        """Send what is queued, as far as that takes no longer than `CLOSE_TIMEOUT_S`, and close."""
        with contextlib.suppress(OSError, nats.errors.Error, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                if not self._client.is_closed:
                    await self._client.flush(1)
        with contextlib.suppress(OSError, nats.errors.Error, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._client.close()
        # Where the client fails to close, it leaves the tasks of its subscriptions waiting for ever.
        for subscription in self._subscriptions:
            cast("Any", subscription)._stop_processing()
