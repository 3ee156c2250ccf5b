"""A connection to a broker that is played by the test: what real brokers do rarely or never."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from integration.mqtt.recorder import HOST, WAIT_S, Recorder, open_connection
from sens.domain.errors import Fatal, Retry, SensError
from sens.mqtt.errors import (
    BrokerUnavailable,
    ConnectionLost,
    ConnectRefused,
    Disconnected,
    InvalidOptions,
    MalformedPacket,
    ProtocolViolation,
    SessionTakenOver,
    SubscriptionRefused,
)
from sens.mqtt.receiver import Connection, ConnectOptions, connect
from unit.mqtt.oracle import Paho, control, two_bytes

VERSIONS = pytest.mark.parametrize("version", [4, 5])
CONNACK = {4: b"\x20\x02\x00\x00", 5: b"\x20\x03\x00\x00\x00"}


class Broker:
    """The other end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read(self) -> tuple[int, bytes]:
        """The next packet: its first byte and its body (of less than 128 bytes, or two bytes of length)."""
        first, size = await self.reader.readexactly(2)
        if size > 127:
            size += ((await self.reader.readexactly(1))[0] << 7) - 128
        return first, await self.reader.readexactly(size)

    def send(self, *packets: bytes) -> None:
        self.writer.write(b"".join(packets))


Play = Callable[[Broker], Awaitable[None]]


@asynccontextmanager
async def played(play: Play) -> AsyncGenerator[int]:
    """The port of a broker that does what `play` does, and closes then. Its failures fail the test."""
    tasks: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.append(task)
        try:
            await play(Broker(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # we closed first
        finally:
            writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
        async with asyncio.timeout(WAIT_S):
            await asyncio.gather(*tasks)
    finally:
        server.close()


@asynccontextmanager
async def connected(version: int, play: Play, **options: object) -> AsyncGenerator[tuple[Recorder, Connection]]:
    """A connection to a broker that accepts it and then plays."""

    async def accept(broker: Broker) -> None:
        assert (await broker.read())[0] == 0x10
        broker.send(CONNACK[version])
        await play(broker)

    async with played(accept) as port:
        recorder, connection = await open_connection(port, version, **options)
        yield recorder, connection
        await connection.disconnect()


async def ended(recorder: Recorder) -> SensError | None:
    await recorder.until(lambda: bool(recorder.errors))
    assert recorder.calls[-1] == "closed"
    return recorder.errors[0]


def publish(packet_id: int, version: int, qos: int = 1) -> bytes:
    return Paho(version).publish_packet(b"a", b"x", qos, packet_id)


@VERSIONS
async def test_messages_in_the_same_chunk_as_the_connack_come_after_connected(version: int) -> None:
    async def play(broker: Broker) -> None:
        await broker.read()
        broker.send(CONNACK[version], publish(1, version), publish(2, version))
        assert await broker.reader.readexactly(8) == b"\x40\x02\x00\x01\x40\x02\x00\x02"
        await broker.read()

    async with played(play) as port:
        recorder, connection = await open_connection(port, version)
        assert recorder.calls == ["connected", "received"]
        recorder.acknowledge_with(connection)
        await connection.disconnect()
    assert recorder.errors == [None]


@VERSIONS
async def test_acknowledgements_leave_in_one_write_in_the_order_given(version: int) -> None:
    got: list[bytes] = []

    async def play(broker: Broker) -> None:
        got.append(await broker.reader.readexactly(20))

    async with connected(version, play) as (recorder, connection):
        connection.acknowledge([3, 1, 2], [9, 8])
        connection.acknowledge([], [])
        await ended(recorder)
    assert got == [bytes.fromhex("40020003400200014002000250020009") + b"\x50\x02\x00\x08"]


@VERSIONS
async def test_releases_are_completed_in_bulk_without_the_handler(version: int) -> None:
    ids = [5, 65_535, 1, 300]

    async def play(broker: Broker) -> None:
        broker.send(*(control(0x62, two_bytes(packet_id)) for packet_id in ids))
        got = await broker.reader.readexactly(4 * len(ids))
        assert got == b"".join(b"\x70\x02" + two_bytes(packet_id) for packet_id in ids)

    async with connected(version, play) as (recorder, _):
        assert isinstance(await ended(recorder), ConnectionLost)
    assert recorder.calls == ["connected", "closed"]


async def test_only_answers_to_our_own_pings_settle() -> None:
    pinged = asyncio.Event()

    async def play(broker: Broker) -> None:
        assert await broker.read() == (0xC0, b"")  # by the keep alive
        pinged.set()
        assert await broker.read() == (0xC0, b"")  # asked for
        broker.send(b"\xd0\x00")
        await asyncio.sleep(0.05)
        broker.send(publish(7, 4), b"\xd0\x00")
        await broker.read()

    async with connected(4, play, keep_alive_s=4) as (recorder, connection):
        await asyncio.wait_for(pinged.wait(), WAIT_S)
        connection.ping()
        await recorder.until(lambda: "settled" in recorder.calls)
        assert recorder.calls == ["connected", "received", "settled"]


@VERSIONS
async def test_a_broker_that_falls_silent_is_given_up_after_one_and_a_half_keep_alives(version: int) -> None:
    async def play(broker: Broker) -> None:
        while await broker.reader.read(100):
            pass

    started = asyncio.get_running_loop().time()
    async with connected(version, play, keep_alive_s=1) as (recorder, _):
        error = await ended(recorder)
        waited = asyncio.get_running_loop().time() - started
    assert isinstance(error, ConnectionLost)
    assert "answered nothing for 1.5 s" in str(error)
    assert waited >= 1.5


async def test_the_keep_alive_that_a_broker_demands_is_kept() -> None:
    async def play(broker: Broker) -> None:
        await broker.read()
        broker.send(control(0x20, b"\x00\x00\x03\x13\x00\x01"))
        assert await asyncio.wait_for(broker.read(), WAIT_S) == (0xC0, b"")

    async with played(play) as port:
        recorder, _ = await open_connection(port, 5, keep_alive_s=600)
        await ended(recorder)
    assert recorder.acks[0].server_keep_alive_s == 1


BAD = {
    "malformed": (b"\x36\x08\x00\x01a\x00\x01xyz", MalformedPacket, 0x81),
    "second CONNACK": (b"\x20\x02\x00\x00", ProtocolViolation, 0x82),
    "unasked PINGRESP": (b"\xd0\x00", ProtocolViolation, 0x82),
    "unasked SUBACK": (b"\x90\x04\x00\x01\x00\x01", ProtocolViolation, 0x82),
    "CONNECT": (b"\x10\x00", ProtocolViolation, 0x82),
    "damaged SUBACK": (b"\x90\x01\x00", MalformedPacket, 0x81),
}


@VERSIONS
@pytest.mark.parametrize(("bad", "kind", "code"), BAD.values(), ids=BAD.keys())
async def test_a_bad_packet_ends_the_connection_after_what_came_before_it(
    version: int, bad: bytes, kind: type[ConnectionLost], code: int
) -> None:
    said: list[bytes] = []

    async def play(broker: Broker) -> None:
        if version == 5 and bad == b"\x20\x02\x00\x00":
            broker.send(publish(1, version), CONNACK[5], publish(2, version))
        else:
            broker.send(publish(1, version), bad, publish(2, version))
        said.append(await broker.reader.read())

    async with connected(version, play) as (recorder, _):
        error = await ended(recorder)
        assert type(error) is kind
        assert isinstance(error, Retry)
        assert recorder.messages == 1
    assert said == [bytes((0xE0, 1, code)) if version == 5 else b""]


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        (0x8E, SessionTakenOver, "another client connected with this client id"),
        (0x8B, Disconnected, "server shutting down: maintenance"),
        (0x98, Disconnected, "administrative action"),
    ],
)
async def test_why_a_broker_disconnects_is_told(code: int, kind: type[ConnectionLost], text: str) -> None:
    async def play(broker: Broker) -> None:
        reason = b"\x1f\x00\x0bmaintenance"
        broker.send(control(0xE0, bytes((code, len(reason))) + reason))
        await broker.reader.read()

    async with connected(5, play) as (recorder, _):
        error = await ended(recorder)
    assert type(error) is kind
    assert text in str(error)


@pytest.mark.parametrize(
    ("version", "connack", "kind", "text"),
    [
        (4, b"\x00\x01", ConnectRefused, "unacceptable protocol version"),
        (4, b"\x00\x02", ConnectRefused, "client identifier rejected"),
        (4, b"\x00\x03", BrokerUnavailable, "server unavailable"),
        (4, b"\x00\x04", ConnectRefused, "correct the source's user name and password"),
        (4, b"\x00\x05", ConnectRefused, "access rules"),
        (5, b"\x00\x86\x00", ConnectRefused, "correct the source's user name and password"),
        (5, b"\x00\x87\x05\x1f\x00\x02no", ConnectRefused, "not authorized: no"),
        (5, b"\x00\x89\x00", BrokerUnavailable, "server busy"),
        (5, b"\x00\x9d\x09\x1c\x00\x06b:1883", ConnectRefused, "server moved; use b:1883"),
        (5, b"\x00\xf0\x00", ConnectRefused, "unknown reason code 0xf0"),
    ],
)
async def test_a_refusal_says_why_and_whether_to_retry(
    version: int, connack: bytes, kind: type[SensError], text: str
) -> None:
    async def play(broker: Broker) -> None:
        await broker.read()
        broker.send(control(0x20, connack))
        assert await broker.reader.read() == b""

    recorder = Recorder(version)
    async with played(play) as port:
        with pytest.raises(kind, match=text) as refused:
            await connect(HOST, port, ConnectOptions(client_id="c", version=version), recorder)
    assert isinstance(refused.value, Fatal if kind is ConnectRefused else Retry)
    assert recorder.calls == []


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        (b"", BrokerUnavailable, "closed the connection without an answer"),
        (b"\x30\x04\x00\x01ax", ProtocolViolation, "before its CONNACK"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", ConnectionLost, "is it an MQTT broker"),
    ],
)
async def test_an_answer_that_is_no_connack_is_told(answer: bytes, kind: type[SensError], text: str) -> None:
    async def play(broker: Broker) -> None:
        await broker.read()
        broker.send(answer)

    async with played(play) as port:
        with pytest.raises(kind, match=text):
            await open_connection(port, 4)


async def test_a_broker_that_never_answers_is_given_up_in_time() -> None:
    async def play(broker: Broker) -> None:
        await broker.reader.read(100)
        assert await broker.reader.read() == b""

    async with played(play) as port:
        with pytest.raises(BrokerUnavailable, match=r"did not answer within 0\.2 s"):
            await open_connection(port, 5, connect_timeout_s=0.2)


async def test_a_cancelled_connect_leaves_no_connection_behind() -> None:
    closed = asyncio.Event()

    async def play(broker: Broker) -> None:
        await broker.read()
        assert await broker.reader.read() == b""
        closed.set()

    async with played(play) as port:
        opening = asyncio.create_task(open_connection(port, 5))
        await asyncio.sleep(0.1)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await asyncio.wait_for(closed.wait(), WAIT_S)


async def test_hosts_that_cannot_be_reached_say_what_to_check() -> None:
    options = ConnectOptions(client_id="c")
    with pytest.raises(BrokerUnavailable, match="host name is not known"):
        await connect("no-such-host.invalid", 1883, options, Recorder(5))
    with pytest.raises(InvalidOptions, match="is no host name"):
        await connect("a..b", 1883, options, Recorder(5))


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        (0x80, SubscriptionRefused, "access rules"),
        (0x87, SubscriptionRefused, "'b/#' .not authorized."),
        (0x9E, SubscriptionRefused, "use the mode exclusive"),
        (0x97, BrokerUnavailable, "quota exceeded"),
    ],
)
async def test_a_refused_filter_is_named(code: int, kind: type[SensError], text: str) -> None:
    async def play(broker: Broker) -> None:
        first, body = await broker.read()
        assert first == 0x82
        broker.send(control(0x90, body[:2] + bytes((0, 1, code))))
        first, body = await broker.read()
        assert first == 0xA2
        broker.send(control(0xB0, body[:2] + bytes((0, 0x11, code))))
        await broker.read()

    async with connected(5, play) as (_, connection):
        with pytest.raises(kind, match=text):
            await connection.subscribe([("a", 1), ("b/#", 1)])
        with pytest.raises(kind, match="'b/#'"):
            await connection.unsubscribe(["a", "b/#"])


async def test_a_suback_with_too_few_reasons_ends_the_connection() -> None:
    async def play(broker: Broker) -> None:
        _, body = await broker.read()
        broker.send(control(0x90, body[:2] + b"\x01"))
        await broker.reader.read()

    async with connected(4, play) as (recorder, connection):
        with pytest.raises(ProtocolViolation, match="1 reason codes instead of 2"):
            await connection.subscribe([("a", 1), ("b", 1)])
        assert isinstance(await ended(recorder), ProtocolViolation)


async def test_an_answer_to_a_cancelled_subscribe_does_no_harm() -> None:
    async def play(broker: Broker) -> None:
        _, one = await broker.read()
        _, two = await broker.read()
        broker.send(control(0x90, one[:2] + b"\x01"), control(0x90, two[:2] + b"\x02"))
        await broker.read()

    async with connected(4, play) as (_, connection):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.subscribe([("a", 1)]), 0.05)
        assert await connection.subscribe([("b", 2)]) == [2]


async def test_nothing_is_asked_for_no_filters_and_a_wrong_qos_is_refused() -> None:
    async def play(broker: Broker) -> None:
        assert await broker.read() == (0xE0, b"")

    async with connected(4, play) as (_, connection):
        assert await connection.subscribe([]) == []
        await connection.unsubscribe([])
        with pytest.raises(InvalidOptions):
            await connection.subscribe([("a", 3)])


async def test_a_broker_that_does_not_read_is_not_read_either_and_nothing_is_lost() -> None:
    ids, times = list(range(1, 65_536)), 100
    asked, read = asyncio.Event(), asyncio.Event()

    async def play(broker: Broker) -> None:
        await asked.wait()
        broker.send(publish(8, 4))
        await asyncio.sleep(0.3)
        read.set()
        one = b"".join(b"\x40\x02" + two_bytes(packet_id) for packet_id in ids)
        for _ in range(times):
            assert await broker.reader.readexactly(len(one)) == one
        assert await broker.read() == (0x40, two_bytes(8))

    async with connected(4, play) as (recorder, connection):
        for _ in range(times):  # 26 MB, more than the buffers of the system and ours take
            connection.acknowledge(ids, [])
        recorder.connection = connection
        asked.set()
        await read.wait()
        assert recorder.messages == 0
        connection.pause_reading()
        connection.resume_reading()
        await asyncio.sleep(0)
        assert recorder.messages == 0
        assert isinstance(await ended(recorder), ConnectionLost)
    assert recorder.messages == 1


async def test_a_broker_that_does_not_close_after_our_goodbye_is_dropped() -> None:
    waited_s: list[float] = []

    async def play(broker: Broker) -> None:
        assert await broker.read() == (0xE0, b"")
        started = asyncio.get_running_loop().time()
        async with asyncio.timeout(WAIT_S):
            with contextlib.suppress(ConnectionError):
                while not broker.writer.is_closing():
                    broker.send(publish(1, 4))
                    await broker.writer.drain()
                    await asyncio.sleep(0.01)
        waited_s.append(asyncio.get_running_loop().time() - started)

    async with connected(4, play, close_timeout_s=0.2) as (recorder, connection):
        await connection.disconnect()
        await connection.disconnect()
        assert recorder.errors == [None]
        assert recorder.messages == 0
    assert waited_s[0] > 0.1


async def test_a_handler_that_fails_ends_the_connection_so_that_the_broker_redelivers() -> None:
    async def play(broker: Broker) -> None:
        assert await broker.read() == (0xC0, b"")
        broker.send(publish(1, 4))
        assert await broker.reader.read() == b""

    def fail(_: object) -> None:
        raise ZeroDivisionError("a defect")

    failed: list[BaseException | None] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context.get("exception")))
    async with connected(4, play) as (recorder, connection):
        recorder.on_received = fail
        connection.ping()
        error = await ended(recorder)
    assert isinstance(error, ConnectionLost)
    assert [type(one) for one in failed] == [ZeroDivisionError]


async def test_a_connection_that_breaks_at_any_moment_raises_nothing_at_its_user() -> None:
    async def play(broker: Broker) -> None:
        await broker.read()
        broker.writer.transport.abort()

    for calls in range(8):
        async with connected(4, play, keep_alive_s=1) as (recorder, connection):
            while not recorder.errors:
                for _ in range(calls):
                    connection.acknowledge([1], [2])
                    connection.pause_reading()
                    connection.resume_reading()
                connection.ping()
                await asyncio.sleep(0)
            assert isinstance(recorder.errors[0], ConnectionLost)


@VERSIONS
async def test_bytes_one_by_one_are_received_as_well(version: int) -> None:
    async def play(broker: Broker) -> None:
        for byte in publish(1, version) + publish(2, version, qos=2) + publish(1, version, qos=0):
            broker.send(bytes((byte,)))
            await asyncio.sleep(0)
        await broker.read()

    async with connected(version, play) as (recorder, connection):
        await recorder.until(lambda: recorder.messages == 3)
        assert [(p.qos, p.packet_id) for p in recorder.packets] == [(1, 1), (2, 2), (0, None)]
        connection.acknowledge([1], [2])


@pytest.mark.parametrize(
    ("lacks", "filter_", "what"), [(b"\x2a\x00", "$share/g/a", "shared"), (b"\x28\x00", "a/+/b", "wildcard")]
)
async def test_what_the_broker_said_it_has_not_is_not_asked_for(lacks: bytes, filter_: str, what: str) -> None:
    async def play(broker: Broker) -> None:
        await broker.read()
        broker.send(b"\x20\x05\x00\x00\x02" + lacks)
        packet_id = (await broker.read())[1][:2]
        broker.send(b"\x90\x04" + packet_id + b"\x00\x01")
        await broker.read()

    async with played(play) as port:
        _, connection = await open_connection(port, 5)
        with pytest.raises(SubscriptionRefused, match=f"has no {what} subscriptions, so .* cannot be subscribed"):
            await connection.subscribe([("plain", 1), (filter_, 1)])
        assert await connection.subscribe([("plain", 1)]) == [1]
        await connection.disconnect()
