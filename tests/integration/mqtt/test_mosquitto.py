"""Receiving from mosquitto: nothing is lost, doubled or reordered, in both versions and all QoS."""

import asyncio
import signal
from pathlib import Path

import pytest

from integration.mqtt.recorder import client_id, open_connection, publish
from sens.mqtt.errors import BrokerUnavailable, ConnectionLost, Disconnected
from servers import Mosquitto

VERSIONS = pytest.mark.parametrize("version", [4, 5])


def topic_of(test: str) -> str:
    return f"{test}/{client_id()}"


@VERSIONS
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_every_message_is_received_once_and_in_order(mosquitto: Mosquitto, version: int, qos: int) -> None:
    topic = topic_of("order")
    recorder, connection = await open_connection(mosquitto.port, version)
    recorder.acknowledge_with(connection)
    assert await connection.subscribe([(f"{topic}/+", qos)]) == [qos]
    sent = [(f"{topic}/{n % 7}", b"%d" % n, qos) for n in range(3000)]
    await asyncio.to_thread(publish, mosquitto.port, sent)
    await recorder.until(lambda: recorder.messages >= 3000)
    assert [(p.topic.decode(), p.payload, p.qos) for p in recorder.packets] == sent
    connection.ping()
    await recorder.until(lambda: "settled" in recorder.calls)
    await connection.disconnect()
    assert recorder.errors == [None]

    again, reopened = await open_connection(mosquitto.port, version)
    await asyncio.sleep(0.1)
    await reopened.disconnect()
    assert again.messages == 0


@VERSIONS
async def test_a_persistent_session_keeps_messages_and_delivers_them_before_any_subscribe(
    mosquitto: Mosquitto, version: int
) -> None:
    topic, name = topic_of("session"), client_id()
    _, connection = await open_connection(mosquitto.port, version, client_id=name)
    assert not connection.session_present
    assert await connection.subscribe([(topic, 1)]) == [1]
    await connection.disconnect()
    await asyncio.to_thread(publish, mosquitto.port, [(topic, b"%d" % n, 1) for n in range(500)])

    recorder, connection = await open_connection(mosquitto.port, version, client_id=name)
    assert connection.session_present
    assert recorder.calls[0] == "connected"
    await recorder.until(lambda: recorder.messages >= 500)
    assert [p.payload for p in recorder.packets] == [b"%d" % n for n in range(500)]
    await connection.disconnect()


@VERSIONS
@pytest.mark.parametrize("qos", [1, 2])
async def test_what_was_not_acknowledged_is_redelivered_with_dup_same_ids_and_order(
    mosquitto: Mosquitto, version: int, qos: int
) -> None:
    topic, name = topic_of("dup"), client_id()
    recorder, connection = await open_connection(mosquitto.port, version, client_id=name)
    await connection.subscribe([(topic, qos)])
    await asyncio.to_thread(publish, mosquitto.port, [(topic, b"%d" % n, qos) for n in range(300)])
    await recorder.until(lambda: recorder.messages >= 300)
    assert all(piece.redelivered == 0 for piece in recorder.pieces)
    first = recorder.packets
    done = [p.packet_id for p in first[:100] if p.packet_id]
    connection.acknowledge(done if qos == 1 else [], done if qos == 2 else [])
    connection.ping()
    await recorder.until(lambda: "settled" in recorder.calls)
    await connection.disconnect()

    again, connection = await open_connection(mosquitto.port, version, client_id=name)
    again.acknowledge_with(connection)
    await again.until(lambda: again.messages >= 200)
    assert [(p.packet_id, p.payload, p.dup) for p in again.packets] == [
        (p.packet_id, p.payload, True) for p in first[100:]
    ]
    assert sum(piece.redelivered for piece in again.pieces) == 200
    connection.ping()
    await again.until(lambda: "settled" in again.calls)
    await connection.disconnect()

    last, connection = await open_connection(mosquitto.port, version, client_id=name)
    await asyncio.sleep(0.1)
    await connection.disconnect()
    assert last.messages == 0


@VERSIONS
async def test_what_was_acknowledged_just_before_a_disconnect_is_not_redelivered(
    mosquitto: Mosquitto, version: int
) -> None:
    topic, name = topic_of("bye"), client_id()
    recorder, connection = await open_connection(mosquitto.port, version, client_id=name)
    await connection.subscribe([(topic, 1)])
    await asyncio.to_thread(publish, mosquitto.port, [(topic, bytes(2000), 1) for _ in range(2000)])
    await recorder.until(lambda: recorder.messages >= 2000)
    connection.acknowledge(recorder.ids, [])
    await connection.disconnect()
    connection.acknowledge(recorder.ids, [])
    connection.ping()

    again, connection = await open_connection(mosquitto.port, version, client_id=name)
    await asyncio.sleep(0.1)
    await connection.disconnect()
    assert again.messages == 0


@VERSIONS
async def test_large_messages_come_whole_and_oversize_ones_as_stubs(mosquitto: Mosquitto, version: int) -> None:
    topic = topic_of("large")
    limits = {"max_packet_bytes": 3 << 20, "keep_bytes": 100, "max_piece_bytes": 1 << 20}
    recorder, connection = await open_connection(mosquitto.port, version, **limits)
    await connection.subscribe([(topic, 1)])
    sizes = [10, 1 << 20, 5 << 20, 2 << 20, 20_000_000, 1]
    await asyncio.to_thread(publish, mosquitto.port, [(topic, b"%c" % n * size, 1) for n, size in enumerate(sizes)])
    await recorder.until(lambda: recorder.messages + len(recorder.oversizes) == len(sizes))
    assert [p.payload for p in recorder.packets] == [b"%c" % n * size for n, size in enumerate(sizes) if size < 3 << 20]
    assert [o.packet_bytes // 1_000_000 for o in recorder.oversizes] == [5, 20]
    assert all(len(o.first_bytes) == 100 and o.qos == 1 and o.packet_id for o in recorder.oversizes)
    connection.acknowledge(recorder.ids + [o.packet_id or 0 for o in recorder.oversizes], [])
    connection.ping()
    await recorder.until(lambda: "settled" in recorder.calls)
    await connection.disconnect()


@VERSIONS
async def test_reading_can_be_paused_and_resumed_under_load(mosquitto: Mosquitto, version: int) -> None:
    topic = topic_of("pause")
    recorder, connection = await open_connection(mosquitto.port, version)
    recorder.acknowledge_with(connection)
    await connection.subscribe([(topic, 1)])
    connection.pause_reading()
    await asyncio.to_thread(publish, mosquitto.port, [(topic, bytes(1000), 1) for _ in range(3000)])
    await asyncio.sleep(0.1)
    assert recorder.messages == 0
    recorder.on_received = lambda _: connection.pause_reading()
    while recorder.messages < 3000:
        before = recorder.messages
        connection.resume_reading()
        await recorder.until(lambda before=before: recorder.messages > before)
    assert recorder.messages == 3000
    await connection.disconnect()
    assert recorder.errors == [None]


@VERSIONS
async def test_only_messages_retained_before_the_subscription_bear_the_retain_flag(
    mosquitto: Mosquitto, version: int
) -> None:
    topic = topic_of("retain")
    await asyncio.to_thread(publish, mosquitto.port, [(topic, b"old", 1)], retain=True)
    recorder, connection = await open_connection(mosquitto.port, version)
    await connection.subscribe([(topic, 1)])
    await asyncio.to_thread(publish, mosquitto.port, [(topic, b"new", 1)], retain=True)
    await recorder.until(lambda: recorder.messages == 2)
    assert [(p.payload, p.retain) for p in recorder.packets] == [(b"old", True), (b"new", False)]
    await connection.disconnect()
    await asyncio.to_thread(publish, mosquitto.port, [(topic, b"", 1)], retain=True)


@VERSIONS
async def test_an_unsubscribed_filter_delivers_no_more(mosquitto: Mosquitto, version: int) -> None:
    one, other = topic_of("unsubscribe"), topic_of("unsubscribe")
    recorder, connection = await open_connection(mosquitto.port, version)
    await connection.subscribe([(one, 1), (other, 2)])
    await connection.unsubscribe([one, "never/subscribed"])
    await asyncio.to_thread(publish, mosquitto.port, [(one, b"1", 1), (other, b"2", 1)])
    await recorder.until(lambda: recorder.messages == 1)
    assert recorder.packets[0].payload == b"2"
    await connection.disconnect()


async def test_a_shared_subscription_parts_the_messages(mosquitto: Mosquitto) -> None:
    topic = topic_of("share")
    opened = [await open_connection(mosquitto.port, 5) for _ in range(2)]
    for recorder, connection in opened:
        recorder.acknowledge_with(connection)
        await connection.subscribe([(f"$share/workers/{topic}", 1)])
    await asyncio.to_thread(publish, mosquitto.port, [(topic, b"%d" % n, 1) for n in range(200)])
    (one, first), (two, second) = opened
    one.changed = two.changed
    await one.until(lambda: one.messages + two.messages == 200)
    assert one.messages
    assert two.messages
    assert sorted(int(p.payload) for p in one.packets + two.packets) == list(range(200))
    await first.disconnect()
    await second.disconnect()


@VERSIONS
async def test_another_client_with_our_id_ends_our_connection(mosquitto: Mosquitto, version: int) -> None:
    name = client_id()
    recorder, _ = await open_connection(mosquitto.port, version, client_id=name)
    _, other = await open_connection(mosquitto.port, version, client_id=name)
    await recorder.until(lambda: bool(recorder.errors))
    assert isinstance(recorder.errors[0], ConnectionLost)  # mosquitto 2.0.11 does not say why, later ones do
    await other.disconnect()


@VERSIONS
async def test_an_idle_connection_outlives_its_keep_alive_without_telling_the_handler(
    mosquitto: Mosquitto, version: int
) -> None:
    """Also one whose handler takes nothing for so long."""
    opened = [await open_connection(mosquitto.port, version, keep_alive_s=2) for _ in range(2)]
    opened[1][1].pause_reading()
    await asyncio.sleep(4.5)  # the broker gives up what is silent for 3 s
    opened[1][1].resume_reading()
    for recorder, connection in opened:
        assert recorder.calls == ["connected"]
        connection.ping()
        await recorder.until(lambda: "settled" in recorder.calls)  # noqa: B023 - called at once
        await connection.disconnect()
        assert recorder.calls == ["connected", "settled", "closed"]


@VERSIONS
async def test_a_broker_that_is_killed_ends_the_connection_and_what_waits_for_it(tmp_path: Path, version: int) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    recorder, connection = await open_connection(broker.port, version)
    connection.pause_reading()
    broker.signal(signal.SIGSTOP)
    waiting = asyncio.create_task(connection.subscribe([("a", 1)]))
    await asyncio.sleep(0.05)
    broker.kill()
    connection.resume_reading()
    with pytest.raises(ConnectionLost):
        await waiting
    await recorder.until(lambda: bool(recorder.errors))
    assert isinstance(recorder.errors[0], ConnectionLost)
    connection.acknowledge([1], [2])
    connection.ping()
    connection.pause_reading()
    connection.resume_reading()
    await connection.disconnect()
    assert recorder.calls == ["connected", "closed"]
    with pytest.raises(ConnectionLost):
        await connection.subscribe([("b", 1)])
    with pytest.raises(BrokerUnavailable, match=rf"127\.0\.0\.1:{broker.port} refused the connection: check the port"):
        await open_connection(broker.port, version)


async def test_a_broker_that_shuts_down_says_so_in_version_5(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    recorder, _ = await open_connection(broker.port, 5)
    broker.stop()
    await recorder.until(lambda: bool(recorder.errors))
    assert isinstance(recorder.errors[0], ConnectionLost)
    if isinstance(recorder.errors[0], Disconnected):
        assert "server shutting down" in str(recorder.errors[0])
