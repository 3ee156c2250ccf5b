"""The durable consumer of raw envelopes: each is delivered until it is acknowledged."""

import asyncio
import secrets
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from sens.stream.connection import StreamConnection
from sens.stream.errors import StreamAway, StreamRefused
from sens.stream.link import NO_RESPONDERS, Message, status
from sens.stream.raw import RawStream
from sens.stream.streamlog import API, call, encode
from sens.stream.subscription import Subscription

PROGRESS = b"+WPI"
GIVE_BACK = b"-NAK"
GRACE_S = 2.0
QUIET_S = 0.05
_NANOSECONDS = 1_000_000_000


class Delivery(NamedTuple):
    """An envelope to be worked on.

    Attributes:
        sequence: its number in the stream.
        subject, data: as published.
        delivered: how often it was delivered, this time included.
        timestamp: µs since 1970 UTC when the server stored it.
        reply: where to acknowledge it.
    """

    sequence: int
    subject: str
    data: bytes
    delivered: int
    timestamp: int
    reply: str


class ConsumerState(NamedTuple):
    """How far the consumer is.

    Attributes:
        pending: envelopes that nobody was given yet.
        ack_pending: envelopes given to somebody and not acknowledged.
        redelivered: of those, how many more than once.
        ack_floor_stream_sequence: all up to this one are acknowledged.
    """

    pending: int
    ack_pending: int
    redelivered: int
    ack_floor_stream_sequence: int


class _Floor(msgspec.Struct, frozen=True):
    stream_seq: int = 0


class _ConsumerInfo(msgspec.Struct):
    num_pending: int = 0
    num_ack_pending: int = 0
    num_redelivered: int = 0
    ack_floor: _Floor = _Floor()


class RawConsumer:
    """One worker's hold on the durable consumer; several workers may share it. Made by `bind()`.

    Not for concurrent pulls: one at a time.
    """

    def __init__(self, connection: StreamConnection, stream: RawStream, durable: str, config: dict[str, Any]) -> None:
        self._connection = connection
        self._stream = stream
        self._durable = durable
        self._config = config
        self._inbox = f"_INBOX.{secrets.token_hex(8)}"
        self._pulls = 0
        self._arrived: list[Delivery] = []
        self._wanted = 0
        self._end: asyncio.Future[Message] | None = None
        self._quiet: asyncio.TimerHandle | None = None
        self._subscription: Subscription | None = None

    @classmethod
    async def bind(
        cls,
        connection: StreamConnection,
        stream: RawStream,
        *,
        durable: str = "telemetry",
        ack_wait_s: float = 30.0,
        max_ack_pending: int = 10_000,
    ) -> "RawConsumer":
        """Make the durable consumer or update it.

        Args:
            ack_wait_s: an envelope that is neither acknowledged nor extended for so long is delivered again.
            max_ack_pending: envelopes that all workers together may hold.

        Raises:
            StreamMissing: the stream is gone.
            StreamRefused: a consumer of that name is there and is of another kind.
        """
        config = {
            "durable_name": durable,
            "name": durable,
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "replay_policy": "instant",
            "ack_wait": int(ack_wait_s * _NANOSECONDS),
            "max_ack_pending": max_ack_pending,
            "max_deliver": -1,
        }
        consumer = cls(connection, stream, durable, config)
        await consumer._make()
        return consumer

    async def _make(self) -> None:
        body = {"stream_name": self._stream.name, "config": self._config, "action": ""}
        await call(self._connection, f"CONSUMER.CREATE.{self._stream.name}.{self._durable}", body, _ConsumerInfo)

    async def _make_again(self) -> None:
        try:
            await self._make()
        except StreamRefused as error:
            # The server took this configuration before; it may still be removing the files of the old consumer.
            raise StreamAway(str(error)) from error

    # --- taking

    async def pull(self, max_envelopes: int, max_bytes: int, wait_s: float) -> list[Delivery]:
        """Envelopes as soon as one is there, with all that wait, up to the limits.

        Args:
            max_envelopes, max_bytes: limits; a single envelope larger than `max_bytes` comes alone.
            wait_s: after which none is an empty list.

        Raises:
            StreamAway: no connection, and nothing had arrived.
            StreamMissing: the stream is gone. (A consumer that is gone is made again here.)
        """
        if not self._arrived:  # else they came too late for the last pull
            ended = await self._ask(wait_s, batch=max_envelopes, max_bytes=max_bytes, no_wait=True)
            if not self._arrived and ended is not None:
                await self._after_nothing(ended, wait_s)
        taken, self._arrived = self._arrived, []
        return taken

    async def _ask(self, wait_s: float, **request: object) -> Message | None:
        """One pull request. Returns the status that ended it, None if it gave envelopes or nothing at all."""
        if self._quiet is not None:
            self._quiet.cancel()
        if self._subscription is None:
            self._subscription = await self._connection.subscribe(f"{self._inbox}.*", self._on_message)
        self._pulls += 1
        self._wanted = int(str(request["batch"]))
        body = encode({"expires": int(wait_s * _NANOSECONDS), **request})
        subject = f"{API}.CONSUMER.MSG.NEXT.{self._stream.name}.{self._durable}"
        with self._connection.waiter() as end:
            self._end = end
            try:
                async with asyncio.timeout(wait_s + GRACE_S):
                    await self._connection.publish(subject, body, reply=f"{self._inbox}.{self._pulls}")
                    message = await end
            except TimeoutError:
                return None
            except StreamAway:
                if not self._arrived:
                    raise
                return None
        return message if status(message) else None

    async def _after_nothing(self, ended: Message, wait_s: float) -> None:
        """A pull ended without an envelope: by what the server says, wait, heal or raise."""
        code, text = status(ended), (ended.headers or {}).get("Description", "")
        if code == NO_RESPONDERS or "Consumer Deleted" in text:
            await self._make_again()
        elif "MaxBytes" in text:
            await self._ask(wait_s, batch=1)
        elif "Requests Pending" in text:
            # Others wait for more than there is: queue behind them instead of asking in a circle.
            await self._ask(wait_s, batch=1)
        elif code == "409":
            raise StreamAway(f"NATS ended the pull: {text}")
        elif code == "400":
            raise StreamRefused(f"NATS refuses the pull: {text}")

    def _on_message(self, message: Message) -> None:
        code = status(message)
        if code == "100":
            return  # a heartbeat
        if code is None:
            self._arrived.append(_delivery(message))
            if len(self._arrived) < self._wanted:
                self._finish_when_quiet(message)
                return
        elif message.subject != f"{self._inbox}.{self._pulls}":
            return  # the end of an earlier pull
        self._finish(message)

    def _finish_when_quiet(self, message: Message) -> None:
        # At max_ack_pending the server keeps the request open though it has given what it can.
        if self._quiet is not None:
            self._quiet.cancel()
        self._quiet = asyncio.get_running_loop().call_later(QUIET_S, self._finish, message)

    def _finish(self, message: Message) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
        if self._end is not None and not self._end.done():
            self._end.set_result(message)

    @property
    def arrived(self) -> list[Delivery]:
        """What came too late for its pull: the next one returns it, until then the caller extends it as well."""
        return list(self._arrived)

    # --- answering

    async def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Acknowledge each. What is lost on the way is delivered again, and the ledger knows it."""
        await self._answer(deliveries, b"")

    async def extend(self, deliveries: Iterable[Delivery]) -> None:
        """Start `ack_wait_s` anew for each: they are being worked on."""
        await self._answer(deliveries, PROGRESS)

    async def release(self, deliveries: Iterable[Delivery]) -> None:
        """Give each back: another worker may have it at once."""
        await self._answer(deliveries, GIVE_BACK)

    async def release_all(self) -> None:
        """Give back what was sent here and not taken, and have no more sent until the next pull."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            await subscription.close(drain=True)
        deliveries, self._arrived = self._arrived, []
        await self.release(deliveries)

    async def _answer(self, deliveries: Iterable[Delivery], word: bytes) -> None:
        try:
            for delivery in deliveries:
                await self._connection.publish(delivery.reply, word)
        except StreamAway:
            return  # as if lost on the way

    async def state(self) -> ConsumerState:
        """How far the consumer is.

        Raises:
            StreamMissing: the stream or the consumer is gone.
        """
        info = await call(self._connection, f"CONSUMER.INFO.{self._stream.name}.{self._durable}", {}, _ConsumerInfo)
        return ConsumerState(info.num_pending, info.num_ack_pending, info.num_redelivered, info.ack_floor.stream_seq)


def _delivery(message: Message) -> Delivery:
    # $JS.ACK.<stream>.<consumer>.<delivered>.<stream sequence>.<consumer sequence>.<ns>.<pending>, or
    # $JS.ACK.<domain>.<account>.<stream>…
    words = message.reply.split(".")
    at = 4 if len(words) < 11 else 6
    delivered, sequence, _, nanoseconds = (int(word) for word in words[at : at + 4])
    return Delivery(sequence, message.subject, message.data, delivered, nanoseconds // 1000, message.reply)
