"""Scaling a shared source down: what the broker holds for the member that went is taken over."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from command_line import Sens
from integration.mqtt.recorder import publish
from integration.mqtt_ingestion_worker.running import Line, declared, line_on, packets
from sens.domain.errors import Fatal
from sens.mqtt.errors import BrokerUnavailable
from sens.mqtt_ingestion_worker.draining import Drain, Drained, MemberRuns
from sens.mqtt_ingestion_worker.settings import IngestionSettings
from sens.mqtt_ingestion_worker.source import SourceWorker
from sens.sources.models import Source
from servers import Mosquitto, Nats


async def drain(line: Line, source: Source, ordinal: int) -> Drained:
    told = list[int]()
    settings = IngestionSettings(instance="drain")
    drained = await Drain(source, ordinal, line.servers, settings, quiet_s=0.5, tell=told.append).run()
    assert drained.messages == 0 or told[-1] == drained.messages
    return drained


async def payloads(line: Line, *workers: SourceWorker) -> list[bytes]:
    """What all members have logged."""
    logged = [packet.payload for worker in workers for packet in packets(await line.envelopes(worker))]
    return sorted(logged)


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_a_member_that_went_is_drained_and_the_others_get_all_that_is_new(
    nats_server: Nats, mosquitto: Mosquitto, version: str
):
    source = declared(mosquitto.port, f"mode: shared\nmqtt_version: '{version}'")

    async def send(first: int, after: int) -> None:
        messages = [(f"{source.name}/d{n % 50}", b"%05d" % n, 1) for n in range(first, after)]
        await asyncio.to_thread(publish, mosquitto.port, messages)

    async with line_on(nats_server) as line:
        stays = await line.connected(source, instance="worker-0")
        async with line_on(nats_server) as other:
            goes = await other.connected(source, instance="worker-1")
            await send(0, 200)
        before = len(await payloads(line, goes))
        await send(200, 400)
        drained = await drain(line, source, 1)
        taken = len(await payloads(line, goes)) - before
        assert drained == Drained("shared-1", session_present=True, messages=taken)
        assert taken > 0, "the broker gave the stopped member nothing: the test is wrong"
        await send(400, 500)
        await line.logged(stays, 500 - before - taken)
        assert await payloads(line, stays, goes) == [b"%05d" % n for n in range(500)]
        assert await drain(line, source, 1) == Drained("shared-1", session_present=False, messages=0)


async def test_a_member_that_runs_is_refused_and_not_disturbed(line: Line, mosquitto: Mosquitto):
    source = declared(mosquitto.port, "mode: shared")
    worker = await line.connected(source, instance="worker-1")
    await line.servers.status.put(source.name, worker.session, worker.report.as_dict())
    line.lifetime.supervise("status", worker.tell_status)
    with pytest.raises(MemberRuns, match=r"shared-1 of source .* still runs .*: stop it, then drain it"):
        await drain(line, source, 1)
    assert worker.report.state == "connected"
    assert not worker.report.last_error


async def test_an_exclusive_source_has_nothing_to_drain(line: Line, mosquitto: Mosquitto):
    with pytest.raises(Fatal, match="is exclusive"):
        await drain(line, declared(mosquitto.port), 0)


async def test_a_broker_that_is_away_is_told_and_the_drain_can_be_done_again(
    nats_server: Nats, line: Line, tmp_path: Path
):
    broker = Mosquitto(tmp_path)
    broker.start()
    source = declared(broker.port, "mode: shared")
    try:
        async with line_on(nats_server) as other:
            await other.connected(source, instance="worker-0")
        await asyncio.to_thread(publish, broker.port, [(f"{source.name}/d", b"1", 1)])
        broker.stop()
        with pytest.raises(BrokerUnavailable, match="refused the connection"):
            await drain(line, source, 0)
        broker.start()
        assert (await drain(line, source, 0)).messages == 1
    finally:
        broker.stop()


async def test_the_command_drains_by_the_settings_of_the_worker(
    nats_server: Nats, mosquitto: Mosquitto, tmp_path: Path
):
    sens = Sens(tmp_path)
    topics = "topics: [{topic: '%s/{device}', decoder: json}]"

    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        return sens("source", "drain", *arguments, "--quiet", "0.5", "--json", SENS_NATS_URL=nats_server.url)

    source = declared(mosquitto.port, "mode: shared")
    (tmp_path / "sens.yaml").write_text(
        f"sources:\n  - {{name: {source.name}, broker: '{source.broker}', mode: shared, {topics % source.name}}}\n"
        f"  - {{name: alone, broker: '{source.broker}', {topics % 'alone'}}}\n"
    )
    async with line_on(nats_server) as line:
        await line.connected(source, instance="worker-3")
    await asyncio.to_thread(publish, mosquitto.port, [(f"{source.name}/d", b"%d" % n, 1) for n in range(10)])
    drained = await asyncio.to_thread(run, source.name, "--ordinal", "3")
    assert drained.returncode == 0, drained.stderr
    assert json.loads(drained.stdout) == {
        "source": source.name, "session": "shared-3", "session_present": True, "messages": 10
    }  # fmt: skip
    unknown = await asyncio.to_thread(run, "lane", "--ordinal", "3")
    assert (unknown.returncode, b"declares no source 'lane'" in unknown.stderr) == (2, True)
    exclusive = await asyncio.to_thread(run, "alone", "--ordinal", "0")
    assert (exclusive.returncode, b"source alone is exclusive" in exclusive.stderr) == (3, True)
