"""One connection to a broker as an asyncio protocol: bytes in, pieces to the handler."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import cast

from sens.mqtt import packets, reason_codes, refusals
from sens.mqtt.errors import BrokerUnavailable, ConnectionLost, MalformedPacket, MqttError, ProtocolViolation
from sens.mqtt.handler import Handler
from sens.mqtt.keep_alive import DEAD_AFTER, Due, KeepAlive
from sens.mqtt.options import ConnectOptions
from sens.mqtt.packets import Acknowledgement, ConnectAck, PacketType
from sens.mqtt.read_pacing import ReadPacing
from sens.mqtt.scanner import Control, Oversize, Piece, Publishes, Releases, Scanner

MAX_UNSENT_BYTES = 4 * 1024 * 1024
"""More waiting to be sent stops reading. Acknowledging every packet id at once takes 256 KiB."""


MAX_REQUESTS = 100
"""More SUBSCRIBE and UNSUBSCRIBE packets are not under way at once."""


class _State(Enum):
    CONNECTING = 0  # no CONNACK yet
    OPEN = 1
    CLOSING = 2  # nothing is sent or received any more
    CLOSED = 3


@dataclass(slots=True)
class _Request:
    """A SUBSCRIBE or UNSUBSCRIBE that waits for its answer."""

    answer_type: PacketType
    answer_codes: int
    answer: asyncio.Future[Acknowledgement]


class Link(asyncio.Protocol):
    """Speaks MQTT with one broker over one transport.

    Args:
        broker: host and port, for messages.
    """

    def __init__(self, options: ConnectOptions, handler: Handler, broker: str) -> None:
        self._options = options
        self._handler = handler
        self._broker = broker
        self._loop = asyncio.get_running_loop()
        self._scanner = Scanner(
            options.version,
            max_packet_bytes=options.max_packet_bytes,
            max_piece_bytes=options.max_piece_bytes,
            keep_bytes=options.keep_bytes,
        )
        self._state = _State.CONNECTING
        self._transport: asyncio.Transport | None = None
        self._was_open = False
        self._error: MqttError | None = None
        self._handler_paused = False
        self._writes_paused = False
        self._resting = False
        self._read_pacing = ReadPacing(self._loop.time())
        self._requests: dict[int, _Request] = {}
        self._last_packet_id = 0
        self._keep_alive = KeepAlive(0, 0.0)
        self._timer: asyncio.TimerHandle | None = None
        self.accepted: asyncio.Future[ConnectAck] = self._loop.create_future()
        self.ended = asyncio.Event()

    # The transport's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=MAX_UNSENT_BYTES)
        self._transport.write(packets.connect(self._options.connect()))

    def data_received(self, data: bytes) -> None:
        now = self._loop.time()
        self._keep_alive.received(now)
        rest_s = self._read_pacing.rest_s(now, len(data))
        if rest_s:
            self._rest(rest_s)
        try:
            for piece in self._scanner.feed(data) if self._listens else ():
                self._take(piece)
                if not self._listens:
                    break
        except MalformedPacket as error:
            self.fail(error, reason_codes.MALFORMED_PACKET)
        except ProtocolViolation as error:
            self.fail(error, reason_codes.PROTOCOL_ERROR)

    def _rest(self, rest_s: float) -> None:
        transport = self._open_transport
        if transport and not self._resting:
            self._resting = True
            transport.pause_reading()
            self._loop.call_later(rest_s, self._end_rest)

    def _end_rest(self) -> None:
        self._resting = False
        transport = self._open_transport
        if transport and not (self._handler_paused or self._writes_paused):
            transport.resume_reading()

    def pause_writing(self) -> None:
        self._writes_paused = True
        self._apply_pauses()

    def resume_writing(self) -> None:
        self._writes_paused = False
        self._apply_pauses()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._state is _State.CONNECTING:
            self._error = refusals.never_answered(exc, self._broker)
        elif self._state is _State.OPEN:
            self._error = refusals.lost(exc, self._broker)
        self._state = _State.CLOSED
        self._transport = None
        self._stop_timer()
        self._refuse(self._error)
        for request in self._requests.values():
            if not request.answer.done():
                request.answer.set_exception(self._error or _closed())
        self._requests.clear()
        self.ended.set()
        if self._was_open:
            self._handler.closed(self._error)

    # Our user's side.

    def write(self, data: bytes) -> None:
        """Send whole packets; nothing is sent on a connection that is not open."""
        transport = self._open_transport
        if transport:
            self._keep_alive.sent(self._loop.time())
            transport.write(data)

    def ping(self, *, asked: bool) -> None:
        """Send a PINGREQ; the handler is told of the answer where it was asked for."""
        if self._open_transport:
            self._keep_alive.pinged(asked=asked)
            self.write(packets.PINGREQ)

    def pause_reading(self) -> None:
        self._handler_paused = True
        self._apply_pauses()

    def resume_reading(self) -> None:
        self._handler_paused = False
        self._apply_pauses()

    async def request(
        self, encode: Callable[[int], bytes], answer_type: PacketType, answer_codes: int
    ) -> Acknowledgement:
        """Send a packet that `encode` makes for a free packet id, and wait for its answer.

        Args:
            answer_codes: how many reason codes the answer must have.

        Raises:
            ConnectionLost: the connection ends first.
        """
        if self._state is not _State.OPEN:
            raise _closed()
        packet_id = self._free_packet_id()
        data = encode(packet_id)
        request = _Request(answer_type, answer_codes, self._loop.create_future())
        self._requests[packet_id] = request
        self.write(data)
        return await request.answer

    def end(self) -> None:
        """Say goodbye and let the broker close, so that it reads all that was sent before.

        If it does not close in time, the connection is dropped.
        """
        transport = self._open_transport
        if transport:
            self.write(packets.disconnect(self._options.version))
            self._state = _State.CLOSING
            transport.resume_reading()
            self._abort_later(transport)

    def fail(self, error: MqttError, reason_code: int | None = None) -> None:
        """Close because of `error`; in MQTT 5 a reason code tells the broker why."""
        if self._transport and self._listens:
            self._error = error
            self._state = _State.CLOSING
            if reason_code is not None and self._options.version == 5 and not self._transport.is_closing():
                self._transport.write(packets.disconnect(5, reason_code))
            self._transport.close()
            self._abort_later(self._transport)
            self._refuse(error)

    def drop(self, error: MqttError | None) -> None:
        """Close at once; what was not sent yet is lost."""
        self.accepted.cancel()
        if self._transport:
            if self._state is not _State.CLOSING:
                self._error = error
            self._state = _State.CLOSING
            self._transport.abort()

    # What comes from the broker.

    @property
    def _listens(self) -> bool:
        return self._state in (_State.CONNECTING, _State.OPEN)

    def _take(self, piece: Piece) -> None:
        if self._state is _State.CONNECTING:
            self._take_first(piece)
        elif isinstance(piece, Publishes):
            self._handler.received(piece)
        elif isinstance(piece, Oversize):
            self._handler.oversize(piece)
        elif isinstance(piece, Releases):
            self.write(packets.pubcomps(piece.packet_ids))
        else:
            self._take_control(PacketType(piece.first_byte >> 4), piece.body)

    def _take_first(self, piece: Piece) -> None:
        if not isinstance(piece, Control) or piece.first_byte >> 4 != PacketType.CONNACK:
            raise ProtocolViolation("the broker sent another packet before its CONNACK")
        ack = packets.read_connack(piece.body, self._options.version)
        if ack.reason_code:
            self.fail(refusals.refused_connack(ack))
            return
        keep_alive_s = self._options.keep_alive_s if ack.server_keep_alive_s is None else ack.server_keep_alive_s
        self._keep_alive = KeepAlive(keep_alive_s, self._loop.time())
        self._state = _State.OPEN
        self._was_open = True
        if keep_alive_s:
            self._timer = self._loop.call_later(self._keep_alive.interval_s, self._check_keep_alive)
        self._handler.connected(ack)
        if not self.accepted.done():
            self.accepted.set_result(ack)

    def _take_control(self, packet_type: PacketType, body: bytes) -> None:
        version = self._options.version
        if packet_type is PacketType.PINGRESP:
            self._take_pingresp()
        elif packet_type is PacketType.SUBACK:
            self._answer(packet_type, packets.read_suback(body, version))
        elif packet_type is PacketType.UNSUBACK:
            self._answer(packet_type, packets.read_unsuback(body, version))
        elif packet_type is PacketType.DISCONNECT:
            self.fail(refusals.said_goodbye(packets.read_disconnect(body)))
        else:
            raise ProtocolViolation(f"the broker sent a second {packet_type.name}")

    def _take_pingresp(self) -> None:
        asked = self._keep_alive.answered()
        if asked is None:
            raise ProtocolViolation("the broker sent a PINGRESP that nobody asked for")
        if asked:
            self._handler.settled()

    def _answer(self, packet_type: PacketType, answer: Acknowledgement) -> None:
        request = self._requests.pop(answer.packet_id, None)
        if request is None or request.answer_type is not packet_type:
            raise ProtocolViolation(f"the broker sent a {packet_type.name} that nobody asked for")
        if len(answer.reason_codes) != request.answer_codes:
            error = ProtocolViolation(
                f"the broker sent a {packet_type.name} with {len(answer.reason_codes)} reason codes "
                f"instead of {request.answer_codes}"
            )
            if not request.answer.done():
                request.answer.set_exception(error)
            raise error
        if not request.answer.done():
            request.answer.set_result(answer)

    # The rest.

    @property
    def _open_transport(self) -> asyncio.Transport | None:
        """The transport while it can be used: one that failed refuses calls before `connection_lost` is called."""
        if self._transport and self._state is _State.OPEN and not self._transport.is_closing():
            return self._transport
        return None

    def _check_keep_alive(self) -> None:
        due = self._keep_alive.due(self._loop.time(), reading=not self._handler_paused)
        if due is Due.CLOSE:
            silent_s = DEAD_AFTER * self._keep_alive.keep_alive_s
            self.drop(ConnectionLost(f"{self._broker} answered nothing for {silent_s:g} s: taken for dead"))
            return
        if due is Due.PING:
            self.ping(asked=False)
        self._timer = self._loop.call_later(self._keep_alive.interval_s, self._check_keep_alive)

    def _apply_pauses(self) -> None:
        """Read unless our user, or a broker that does not read what we send, asks for a pause."""
        transport = self._open_transport
        if not transport:
            return
        if self._handler_paused or self._writes_paused:
            transport.pause_reading()
        elif not self._resting:
            self._keep_alive.received(self._loop.time())
            transport.resume_reading()

    def _free_packet_id(self) -> int:
        if len(self._requests) >= MAX_REQUESTS:
            raise BrokerUnavailable(f"{self._broker} has not answered {MAX_REQUESTS} requests: try again")
        while True:
            self._last_packet_id = self._last_packet_id % 65_535 + 1
            if self._last_packet_id not in self._requests:
                return self._last_packet_id

    def _refuse(self, error: MqttError | None) -> None:
        """Tell who waits for the connection that it will not come."""
        if not self.accepted.done():
            self.accepted.set_exception(error or _closed())

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _abort_later(self, transport: asyncio.Transport) -> None:
        self._stop_timer()
        self._timer = self._loop.call_later(self._options.close_timeout_s, transport.abort)


def _closed() -> ConnectionLost:
    return ConnectionLost("the connection is closed")
