"""A broker that grants less than declared, or forgets, is told of."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from integration.mqtt_ingestion_worker.running import Line, declared
from sens.mqtt.packets import ConnectAck
from sens.mqtt_ingestion_worker.grants import SESSION_LOST, shortfalls
from sens.runtime.catalogue import Section
from sens.sources.models import Source
from servers import Mosquitto, free_port


@pytest.mark.parametrize(
    ("expiry_s", "granted", "told"),
    [
        (None, 1, None),
        (604_800, 1, None),
        (4_294_967_295, 2, None),
        (60, 1, "keeps the session for 60 s instead of 604800"),
        (None, 0, "QoS 0 instead of 1 for"),
    ],
)
def test_what_is_less_than_declared_is_told(expiry_s: int | None, granted: int, told: str | None):
    ack = ConnectAck(True, 0, "accepted", session_expiry_s=expiry_s)
    found = list(shortfalls(declared(1883), ack, [granted]))
    assert len(found) == (told is not None)
    assert told is None or told in found[0]


def counted(metric: str, source: Source) -> float | None:
    return Section.INGESTION.registry.get_sample_value(metric, {"source": source.name})


async def test_a_lower_qos_is_logged_counted_and_reported(line: Line, tmp_path: Path):
    port = free_port()
    broker = Mosquitto(tmp_path, f"listener {port} 127.0.0.1\nmax_qos 0\n")
    broker.port = port
    broker.start()
    source = declared(port)
    try:
        with capture_logs() as lines:
            worker = await line.connected(source)
        warning = f"the broker grants QoS 0 instead of 1 for '{source.name}/+'"
        assert worker.report.as_dict()["warnings"][0].startswith(warning)
        assert any(each["event"] == "broker_falls_short" and each["warning"].startswith(warning) for each in lines)
        assert counted("sens_ingestion_broker_shortfalls", source) == 1
        await line.stop()
    finally:
        broker.stop()


async def test_a_session_that_the_broker_forgot_is_told_and_one_that_it_kept_is_not(line: Line, tmp_path: Path):
    broker = Mosquitto(tmp_path)
    broker.start()
    source = declared(broker.port)
    try:
        worker = await line.connected(source)
        assert worker.report.warnings == []
        for forget in (False, True):
            broker.stop()
            await line.until(lambda: worker.report.state == "away")
            if forget:
                (tmp_path / "mosquitto.db").unlink()
            broker.start()
            await line.until(lambda: worker.report.state == "connected")
            await line.until(lambda: worker.report.warnings == [SESSION_LOST] * forget)  # noqa: B023 - called at once
            assert (counted("sens_ingestion_sessions_lost_total", source) or 0) == int(forget)
        await line.stop()
    finally:
        broker.stop()
