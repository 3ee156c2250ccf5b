"""A source run by its worker, from a real broker into the log."""

import asyncio
from pathlib import Path

import pytest

from integration.mqtt.recorder import HOST, publish
from integration.mqtt_ingestion_worker.running import Line, declared, line_on, packets
from sens.domain.envelope import EnvelopeKind
from sens.mqtt.receiver import Connection
from sens.runtime.catalogue import Section
from sens.sources.models import Source
from servers import Mosquitto, Nats

VERSIONS = pytest.mark.parametrize("version", ["3.1.1", "5"])
NEVER_S = 3600.0


async def send(broker: Mosquitto, source: Source, *payloads: bytes, device: str = "d", qos: int = 1) -> None:
    messages = [(f"{source.name}/{device}", payload, qos) for payload in payloads]
    await asyncio.to_thread(publish, broker.port, messages)


@VERSIONS
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_messages_of_each_qos_are_logged_as_they_came(
    line: Line, mosquitto: Mosquitto, version: str, qos: int
) -> None:
    source = declared(mosquitto.port, f"mqtt_version: '{version}'\nqos: {qos}")
    worker = await line.connected(source)
    payloads = [b"%d" % n for n in range(300)]
    await send(mosquitto, source, *payloads, qos=qos)
    found = packets(await line.logged(worker, len(payloads)))
    assert [packet.payload for packet in found] == payloads
    assert {packet.qos for packet in found} == {qos}


@VERSIONS
async def test_a_retained_message_is_logged_as_one(line: Line, mosquitto: Mosquitto, version: str) -> None:
    source = declared(mosquitto.port, f"mqtt_version: '{version}'")
    await asyncio.to_thread(publish, mosquitto.port, [(f"{source.name}/d", b"old", 1)], retain=True)
    worker = await line.connected(source)
    await line.logged(worker, 1)
    await send(mosquitto, source, b"new")
    found = packets(await line.logged(worker, 2))
    assert [(packet.payload, packet.retain) for packet in found] == [(b"old", True), (b"new", False)]


@VERSIONS
async def test_what_was_logged_and_not_acknowledged_is_not_logged_again(
    nats_server: Nats, mosquitto: Mosquitto, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A usual message, and an oversize one of which only a stub was kept."""
    source = declared(mosquitto.port, f"mqtt_version: '{version}'\nlimits: {{max_message_bytes: 5000}}")
    with monkeypatch.context() as patched:
        patched.setattr(Connection, "acknowledge", lambda *_: None)
        async with line_on(nats_server) as line:
            worker = await line.connected(source, settle_every_s=NEVER_S)
            await send(mosquitto, source, b"small", b"l" * 20_000)
            await line.logged(worker, 2)
    async with line_on(nats_server) as line:
        worker = await line.connected(source)
        await send(mosquitto, source, b"last")
        envelopes = await line.logged(worker, 3)
    assert [packet.payload for packet in packets(envelopes)] == [b"small", b"last"]
    assert [envelope.kind for envelope in envelopes].count(EnvelopeKind.STUB) == 1
    assert sum(envelope.messages for envelope in envelopes) == 3


async def test_a_filter_that_left_the_configuration_is_unsubscribed(nats_server: Nats, mosquitto: Mosquitto) -> None:
    source, other = declared(mosquitto.port), declared(mosquitto.port)
    async with line_on(nats_server) as line:
        worker = await line.connected(source.model_copy(update={"topics": source.topics + other.topics}))
        await send(mosquitto, other, b"1")
        await line.logged(worker, 1)
    async with line_on(nats_server) as line:
        worker = await line.connected(source)
        await send(mosquitto, other, b"2")
        await send(mosquitto, source, b"3")
        found = packets(await line.logged(worker, 2))
    assert [packet.payload for packet in found] == [b"1", b"3"]


async def test_a_broker_that_forgot_the_session_is_subscribed_anew(line: Line, tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    source = declared(broker.port)
    try:
        worker = await line.connected(source)
        payloads = [b"%d" % n for n in range(20)]
        await send(broker, source, *payloads[:10])
        await line.logged(worker, 10)
        broker.stop()
        await line.until(lambda: worker.report.state == "away")
        (tmp_path / "mosquitto.db").unlink()
        broker.start()
        await line.until(lambda: worker.report.state == "connected")
        # Under the packet ids of the first ten.
        await send(broker, source, *payloads[10:])
        assert [packet.payload for packet in packets(await line.logged(worker, 20))] == payloads
        await line.stop()
    finally:
        broker.stop()


async def test_a_malformed_packet_ends_its_connection_with_a_reason_and_no_other_source(
    line: Line, mosquitto: Mosquitto
) -> None:
    async def answer_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"\x20\x03\x00\x00\x00" + b"\x36\x05\x00\x01a\x00\x01")
        await reader.read(1000)
        writer.close()

    server = await asyncio.start_server(answer_nonsense, HOST, 0)
    async with server:
        healthy_source = declared(mosquitto.port)
        healthy = await line.connected(healthy_source)
        damaged_source = declared(server.sockets[0].getsockname()[1])
        damaged = line.start(damaged_source)
        await line.until(lambda: damaged.report.state == "away")
        assert "QoS 3" in damaged.report.last_error
        counted = Section.INGESTION.registry.get_sample_value(
            "sens_ingestion_protocol_errors_total", {"source": damaged_source.name}
        )
        assert counted is not None
        assert counted >= 1
        await send(mosquitto, healthy_source, b"1")
        await line.logged(healthy, 1)
        await line.stop()
