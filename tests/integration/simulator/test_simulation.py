import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from sens.domain.errors import Retry
from sens.simulator.main import main
from sens.simulator.settings import SimulatorSettings
from sens.simulator.simulation import SimulatorReport, simulate
from servers import Mosquitto, wait_until


@contextlib.contextmanager
def listening(port: int) -> Generator[list[tuple[str, bytes]]]:
    """All that arrives on sens/#, as it arrives."""
    got: list[tuple[str, bytes]] = []
    subscribed: list[bool] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _d, message: got.append((message.topic, bytes(message.payload)))
    client.on_subscribe = lambda *_: subscribed.append(True)
    client.connect("127.0.0.1", port)
    client.subscribe("sens/#", qos=2)
    client.loop_start()
    wait_until(lambda: bool(subscribed), 10, "the subscription")
    try:
        yield got
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_every_message_is_sent_acknowledged_and_arrives(mosquitto: Mosquitto, qos: int):
    settings = SimulatorSettings(
        devices=7, rate=2000, broker=f"mqtt://127.0.0.1:{mosquitto.port}", qos=qos, messages=600
    )
    with listening(mosquitto.port) as got:
        report = await simulate(settings, asyncio.Event())
        await asyncio.to_thread(wait_until, lambda: len(got) >= 600, 10, "the messages")
    assert (report.sent, report.acknowledged, report.problem) == (600, 600, "")
    assert len(got) == 600
    assert len({topic for topic, _ in got}) == 7
    assert all(isinstance(json.loads(payload), dict) for _, payload in got)


async def test_the_rate_is_kept_over_time(mosquitto: Mosquitto):
    settings = SimulatorSettings(rate=500, broker=f"mqtt://127.0.0.1:{mosquitto.port}", messages=1000)
    report = await simulate(settings, asyncio.Event())
    assert report.elapsed_s >= 1000 / 500 - 0.3


async def test_stopping_ends_with_all_acknowledged_and_progress_was_told(mosquitto: Mosquitto):
    stopping, seen = asyncio.Event(), list[SimulatorReport]()

    def progress(report: SimulatorReport) -> None:
        seen.append(report)
        stopping.set()

    report = await simulate(
        SimulatorSettings(rate=300, broker=f"mqtt://127.0.0.1:{mosquitto.port}"), stopping, progress
    )
    assert len(seen) == 1
    assert report.acknowledged == report.sent >= seen[0].sent > 0


async def test_a_broker_that_comes_later_and_dies_is_reconnected_and_what_was_sent_is_acknowledged(tmp_path: Path):
    broker = Mosquitto(tmp_path)
    stopping, seen = asyncio.Event(), list[SimulatorReport]()
    settings = SimulatorSettings(rate=400, broker=f"mqtt://127.0.0.1:{broker.port}")
    running = asyncio.create_task(simulate(settings, stopping, seen.append))

    async def until(condition: str) -> None:
        found = {
            "refused": lambda: bool(seen) and "no broker answers" in seen[-1].problem,
            "sending": lambda: bool(seen) and not seen[-1].problem and seen[-1].acknowledged > 100,
            "back": lambda: seen[-1].reconnects == 1 and not seen[-1].problem,
        }[condition]
        await asyncio.to_thread(wait_until, found, 20, condition)

    try:
        await until("refused")
        await asyncio.to_thread(broker.start)
        await until("sending")
        await asyncio.to_thread(broker.kill)
        await asyncio.to_thread(broker.start)
        await until("back")
        stopping.set()
        report = await running
    finally:
        running.cancel()
        broker.stop()
    assert report.sent == report.acknowledged > 100


async def test_a_number_of_messages_is_given_up_without_a_broker(tmp_path: Path):
    broker, seen = Mosquitto(tmp_path), list[SimulatorReport]()
    url = f"mqtt://127.0.0.1:{broker.port}"
    settings = SimulatorSettings(rate=50, broker=url, messages=100_000, give_up_s=0.5)
    never = await simulate(settings, asyncio.Event())
    assert (never.sent, never.problem) == (0, f"no broker answers at 127.0.0.1:{broker.port}")
    broker.start()
    # So long may a busy machine take to connect.
    patient = replace(settings, give_up_s=5.0)
    running = asyncio.create_task(simulate(patient, asyncio.Event(), seen.append))
    try:
        await asyncio.to_thread(wait_until, lambda: bool(seen) and seen[-1].acknowledged > 5, 20, "messages")
    finally:
        broker.stop()
    report = await running
    assert 5 < report.sent < 100_000
    assert report.problem


def test_what_was_given_up_ends_with_4(tmp_path: Path):
    broker = Mosquitto(tmp_path)
    with pytest.raises(Retry, match="check --broker"):
        main(SimulatorSettings(broker=f"mqtt://127.0.0.1:{broker.port}", messages=3, give_up_s=0.1))


def test_a_process_stops_on_sigterm_and_prints_what_it_did(mosquitto: Mosquitto):
    code = (
        "import sys; from sens.simulator.main import main; from sens.simulator.settings import SimulatorSettings; "
        f"sys.exit(main(SimulatorSettings(rate=200, broker='mqtt://127.0.0.1:{mosquitto.port}'), as_json=True))"
    )
    with listening(mosquitto.port) as got:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        wait_until(lambda: len(got) > 100, 20, "messages")
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=20)
    report = json.loads(output)
    assert process.returncode == 0
    assert report["sent"] == report["acknowledged"] > 100
