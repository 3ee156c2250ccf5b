"""The connection to NATS that comes back: requests, subscriptions, and what happens at a loss.

A request that waits when the connection is lost fails at once with StreamAway; nothing is kept to be
sent later. Subscriptions are made again on the next connection. Between connections everything
fails fast, and the caller's own back-off does the waiting.
"""

import asyncio
import contextlib
import gc
import random
import secrets
from collections.abc import Generator

import structlog

from sens.runtime import metrics
from sens.stream.errors import PayloadTooLarge, StreamAway, StreamRefused
from sens.stream.link import NO_RESPONDERS, Address, Deliver, Link, Message, status
from sens.stream.subscription import Subscription

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 5.0
REQUEST_TIMEOUT_S = 5.0
HEADER_ALLOWANCE_BYTES = 1024  # max_payload counts headers, too; ours are shorter


log: structlog.stdlib.BoundLogger = structlog.get_logger()


class NoResponders(StreamAway):
    """Nobody listens to the subject that was asked. Nothing was done."""


class StreamConnection:
    """One process's connection to NATS. Made by `connect()`.

    Attributes:
        replicas: copies that the servers keep of every stream that is made; None: one, and those that are there stay.
        max_payload: bytes that the server takes in one message, headers included.
        reconnects: how often the connection came back.
        last_error: what went wrong last, for logs and `sens up`.
    """

    def __init__(self, address: Address, name: str, replicas: int | None = None) -> None:
        self._address = address
        self._name = name
        self.replicas = replicas
        self._link: Link | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._closed = False
        self._subscriptions: dict[Subscription, None] = {}
        self._waiting: set[asyncio.Future[Message]] = set()
        self._inbox = f"_INBOX.{secrets.token_hex(8)}"
        self._replies: dict[str, Deliver] = {}
        self._tokens = 0
        self.max_payload = 0
        self.reconnects = 0
        self.last_error = "it has not answered yet"

    @property
    def connected(self) -> bool:
        return self._link is not None

    @property
    def max_data_bytes(self) -> int:
        """The most bytes that a message's data may have."""
        return self.max_payload - HEADER_ALLOWANCE_BYTES

    @property
    def unsent_bytes(self) -> int:
        """Bytes that were published and wait for the socket."""
        return 0 if self._link is None else self._link.unsent_bytes

    # --- opening and keeping

    async def open(self, stopping: asyncio.Event) -> None:
        """Wait until NATS answers; then stay connected until `close()`.

        Raises:
            StreamRefused: the server refuses the credentials, or is too old.
            StreamAway: `stopping` was set before NATS answered.
        """
        await self.subscribe(f"{self._inbox}.*", self._on_reply)
        dialing = asyncio.create_task(self._dial_until_connected())
        stopped = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait((dialing, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not dialing.done():
                self._closed = True
                raise StreamAway(f"stopped before NATS could be reached: {self.last_error}")
            link = dialing.result()
        finally:
            for task in (dialing, stopped):
                task.cancel()
            await asyncio.wait((dialing, stopped))
        self._keeper = asyncio.create_task(self._keep(link))

    async def _dial_until_connected(self) -> Link:
        delay_s = FIRST_DELAY_S
        while True:
            try:
                return await self._dial()
            except StreamAway as error:
                self._tell(error)
            except StreamRefused as error:
                # At the start a person looks on; later a server may come back half configured.
                if not self.max_payload:
                    raise
                self._tell(error)
            if self._closed:  # asyncio.wait_for before Python 3.12 may swallow a cancellation
                raise asyncio.CancelledError
            # Half fixed, half random: workers that lost the same server do not come back in step.
            await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret is made of it
            delay_s = min(delay_s * 2, LONGEST_DELAY_S)

    def _tell(self, error: Exception) -> None:
        """Say why there is no connection, each reason once."""
        if str(error) != self.last_error:
            self.last_error = str(error)
            log.warning("nats_away", error=self.last_error)

    async def _dial(self) -> Link:
        link = await Link.dial(self._address, self._name)
        try:
            while new := [subscription for subscription in self._subscriptions if subscription.link is not link]:
                for subscription in new:
                    await subscription.start(link)
        except StreamAway:
            await link.close()
            raise
        self.max_payload = link.max_payload
        self._link = link
        return link

    async def _keep(self, link: Link) -> None:
        while not self._closed:
            await link.wait_lost()
            self.last_error = link.last_error or "the connection to NATS is lost"
            self._lose()
            log.warning("nats_lost", error=self.last_error)
            await link.close()
            del link
            # The lost client, in a circle with its parts, holds what it could not send: some MB that would lie
            # there until the collector comes by.
            gc.collect()
            link = await self._dial_until_connected()
            self.reconnects += 1
            metrics.NATS_RECONNECTS.inc()
            log.info("nats_back")

    def _lose(self) -> None:
        self._link = None
        for future in self._waiting:
            if not future.done():
                future.set_exception(StreamAway(f"the connection to NATS was lost: {self.last_error}"))

    async def close(self) -> None:
        """Send what is queued and end. Waiting requests fail with StreamAway."""
        self._closed = True
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._link is not None:
            link, self.last_error = self._link, "it was closed"
            await link.close()
            self._lose()

    # --- messages

    async def publish(
        self, subject: str, data: bytes, *, reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Hand a message to the socket's queue; no answer is waited for.

        Raises:
            StreamAway: there is no connection; nothing was sent.
            PayloadTooLarge: nothing was sent.
        """
        if self._link is None:
            raise StreamAway(f"there is no connection to NATS: {self.last_error}")
        if len(data) > self.max_data_bytes:
            raise PayloadTooLarge(len(data), self.max_data_bytes)
        await self._link.send(subject, data, reply, headers)

    async def subscribe(self, subject: str, deliver: Deliver) -> Subscription:
        """Call `deliver` for each message on the subject, now and after each reconnect."""
        subscription = Subscription(subject, deliver, lambda gone: self._subscriptions.pop(gone, None))
        self._subscriptions[subscription] = None
        if self._link is not None:
            with contextlib.suppress(StreamAway):  # lost just now: the next connection starts it
                await subscription.start(self._link)
        return subscription

    @contextlib.contextmanager
    def waiter(self) -> Generator[asyncio.Future[Message]]:
        """A future that fails with StreamAway when the connection is lost."""
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            yield future
        finally:
            self._waiting.discard(future)
            if future.done() and not future.cancelled():
                future.exception()  # seen: asyncio need not report it

    async def request(
        self,
        subject: str,
        data: bytes = b"",
        *,
        headers: dict[str, str] | None = None,
        timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> Message:
        """Publish and wait for the one answer.

        Raises:
            StreamAway: no connection, or none any more, or no answer in time: it may have been done.
            NoResponders: nobody listens to the subject: it was not done.
            PayloadTooLarge: it was not sent.
        """
        with self.waiter() as answer:

            def deliver(message: Message) -> None:
                if not answer.done():
                    answer.set_result(message)

            message = await self._ask(subject, data, headers, timeout_s, deliver, answer)
        if status(message) == NO_RESPONDERS:
            raise NoResponders(f"nobody answers to {subject}: JetStream starts, is disabled, or has no such stream")
        return message

    async def request_batch(self, subject: str, data: bytes, *, timeout_s: float) -> tuple[list[Message], Message]:
        """Publish and gather the answers up to the status message that ends them; returns both.

        Raises: as `request()`.
        """
        messages: list[Message] = []
        with self.waiter() as end:

            def deliver(message: Message) -> None:
                if status(message) is None:
                    messages.append(message)
                elif not end.done():
                    end.set_result(message)

            ended = await self._ask(subject, data, None, timeout_s, deliver, end)
        if status(ended) == NO_RESPONDERS:
            raise NoResponders(f"nobody answers to {subject}: JetStream starts, is disabled, or has no such stream")
        return messages, ended

    async def _ask(
        self,
        subject: str,
        data: bytes,
        headers: dict[str, str] | None,
        timeout_s: float,
        deliver: Deliver,
        answer: asyncio.Future[Message],
    ) -> Message:
        self._tokens += 1
        reply = f"{self._inbox}.{self._tokens}"
        self._replies[reply] = deliver
        try:
            async with asyncio.timeout(timeout_s):
                await self.publish(subject, data, reply=reply, headers=headers)
                return await answer
        except TimeoutError as error:
            said = f"; it said: {self._link.last_error}" if self._link and self._link.last_error else ""
            raise StreamAway(f"NATS did not answer to {subject} in {timeout_s:g} s{said}") from error
        finally:
            del self._replies[reply]

    def _on_reply(self, message: Message) -> None:
        deliver = self._replies.get(message.subject)
        if deliver is not None:
            deliver(message)


async def connect(
    where: str | Address,
    *,
    name: str,
    stopping: asyncio.Event,
    replicas: int | None = None,
) -> StreamConnection:
    """Connect to NATS, waiting with jittered back-off for as long as it takes.

    Args:
        where: nats://[user:password@]host:4222 or tls://…, several of one cluster with commas between; or an address.
        name: shown in the server's monitoring.
        stopping: ends the wait.
        replicas: copies that the servers keep of every stream that is made.

    Raises:
        StreamRefused: a bad URL, or the server refuses the credentials or is too old.
        StreamAway: `stopping` was set first.
    """
    connection = StreamConnection(Address.parse(where) if isinstance(where, str) else where, name, replicas)
    try:
        await connection.open(stopping)
    except BaseException:
        await connection.close()
        raise
    return connection
