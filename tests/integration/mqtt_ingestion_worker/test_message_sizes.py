"""How large a message is kept whole, and what becomes of a larger one."""

import asyncio
from pathlib import Path

from structlog.testing import capture_logs

from integration.mqtt.recorder import publish
from integration.mqtt_ingestion_worker.running import Line, declared, line_on, packets
from sens.domain.envelope import EnvelopeKind
from servers import Mosquitto, Nats

KIB = 1024


async def test_a_message_up_to_the_documented_limit_is_kept_whole(line: Line, mosquitto: Mosquitto):
    """Also one that is larger than an envelope of small ones may grow."""
    source = declared(mosquitto.port)
    worker = await line.connected(source)
    payloads = [b"small", b"l" * (600 * KIB), b"s" * 10, b"L" * (1024 * KIB - 100), b"last"]
    messages = [(f"{source.name}/d", payload, 1) for payload in payloads]
    await asyncio.to_thread(publish, mosquitto.port, messages)
    envelopes = await line.logged(worker, len(payloads))
    assert [packet.payload for packet in packets(envelopes)] == payloads


async def test_where_nats_takes_less_the_limit_is_lower_and_that_is_told(tmp_path: Path, mosquitto: Mosquitto):
    server = Nats(tmp_path, max_payload=256 * KIB)
    server.start()
    source = declared(mosquitto.port)
    try:
        with capture_logs() as lines:
            async with line_on(server) as line:
                worker = await line.connected(source)
                payloads = [b"w" * (200 * KIB), b"c" * (256 * KIB)]
                messages = [(f"{source.name}/d", payload, 1) for payload in payloads]
                await asyncio.to_thread(publish, mosquitto.port, messages)
                whole, cut = await line.logged(worker, 2)
        assert (whole.kind, cut.kind) == (EnvelopeKind.RAW, EnvelopeKind.STUB)
        told = next(each for each in lines if each["event"] == "max_payload_lowers_max_message_bytes")
        assert told["source"] == source.name
        assert 250 * KIB < told["limit_bytes"] < 256 * KIB
    finally:
        server.stop()


async def test_a_small_limit_keeps_what_fits_into_it(line: Line, mosquitto: Mosquitto):
    source = declared(mosquitto.port, "limits: {max_message_bytes: 300}")
    worker = await line.connected(source)
    messages = [(f"{source.name}/d", b"f" * 200, 1), (f"{source.name}/d", b"l" * 400, 1)]
    await asyncio.to_thread(publish, mosquitto.port, messages)
    whole, cut = await line.logged(worker, 2)
    assert (whole.kind, cut.kind) == (EnvelopeKind.RAW, EnvelopeKind.STUB)
    assert len(cut.stub().first_bytes) == 300


async def test_nats_that_comes_back_with_a_smaller_limit_ends_no_worker_and_loses_nothing(
    tmp_path: Path, mosquitto: Mosquitto
):
    server = Nats(tmp_path)
    server.start()
    source = declared(mosquitto.port)
    try:
        async with line_on(server) as line:
            worker = await line.connected(source)
            server.kill()
            small = [(f"{source.name}/d", b"%07d" % n * 1000, 1) for n in range(40)]
            large = [(f"{source.name}/d", b"l" * (300 * KIB), 1)]
            await asyncio.to_thread(publish, mosquitto.port, small + large)
            server.max_payload = 64 * KIB
            server.start()
            envelopes = await line.logged(worker, 41)
        assert {packet.payload for packet in packets(envelopes)} == {payload for _, payload, _ in small}
        assert [envelope.kind for envelope in envelopes].count(EnvelopeKind.STUB) == 1
        assert sum(envelope.messages for envelope in envelopes) == 41
    finally:
        server.stop()
