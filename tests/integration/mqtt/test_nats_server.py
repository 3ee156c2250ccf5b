"""Receiving from nats-server's MQTT listener, the local mock broker (MQTT 3.1.1)."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.mqtt.recorder import client_id, open_connection, publish
from servers import Nats


@pytest.fixture
def port(nats_server: Nats) -> int:
    assert nats_server.mqtt_port is not None
    return nats_server.mqtt_port


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_every_message_is_received_once(port: int, qos: int) -> None:
    topic = f"nats/{client_id()}"
    recorder, connection = await open_connection(port, 4)
    recorder.acknowledge_with(connection)
    assert await connection.subscribe([(f"{topic}/+", qos)]) == [qos]
    sent = [(f"{topic}/{n % 7}", b"%d" % n, qos) for n in range(500)]
    await asyncio.to_thread(publish, port, sent)
    await recorder.until(lambda: recorder.messages >= 500)
    assert sorted((p.topic.decode(), p.payload, p.qos) for p in recorder.packets) == sorted(sent)
    connection.ping()
    await recorder.until(lambda: "settled" in recorder.calls)
    await connection.disconnect()
    assert recorder.errors == [None]


@pytest.mark.parametrize("qos", [1, 2])
async def test_a_persistent_session_keeps_messages_while_we_are_away(port: int, qos: int) -> None:
    topic, name = f"nats/{client_id()}", client_id()
    _, connection = await open_connection(port, 4, client_id=name)
    assert not connection.session_present
    await connection.subscribe([(topic, qos)])
    await connection.disconnect()
    await asyncio.to_thread(publish, port, [(topic, b"%d" % n, qos) for n in range(100)])

    again, connection = await open_connection(port, 4, client_id=name)
    again.acknowledge_with(connection)
    assert connection.session_present
    await connection.subscribe([(topic, qos)])
    await again.until(lambda: again.messages >= 100)
    assert sorted(int(p.payload) for p in again.packets) == list(range(100))
    await connection.unsubscribe([topic])
    await connection.disconnect()
    assert again.errors == [None]


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """It sends again what was not acknowledged for a second; at reconnection it does not."""
    server = Nats(Path(tmp_path_factory.mktemp("impatient")), mqtt=True, ack_wait_s=1)
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("qos", [1, 2])
async def test_what_was_not_acknowledged_is_redelivered_after_the_servers_ack_wait(impatient: Nats, qos: int) -> None:
    assert impatient.mqtt_port is not None
    port, topic, name = impatient.mqtt_port, f"nats/{client_id()}", client_id()
    recorder, connection = await open_connection(port, 4, client_id=name)
    await connection.subscribe([(topic, qos)])
    await asyncio.to_thread(publish, port, [(topic, b"%d" % n, qos) for n in range(100)])
    await recorder.until(lambda: recorder.messages >= 100)
    await connection.disconnect()

    again, connection = await open_connection(port, 4, client_id=name)
    again.acknowledge_with(connection)
    await connection.subscribe([(topic, qos)])
    await again.until(lambda: again.messages >= 100)
    assert {int(p.payload) for p in again.packets} == set(range(100))
    assert all(p.dup for p in again.packets[:100])
    assert set(again.ids) == set(recorder.ids)
    await connection.disconnect()
