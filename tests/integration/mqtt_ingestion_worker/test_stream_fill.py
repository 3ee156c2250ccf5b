"""How full the log is, is told by those who fill it."""

import asyncio

from integration.mqtt_ingestion_worker.lives import until
from integration.mqtt_ingestion_worker.running import Line
from sens.mqtt_ingestion_worker.stream_fill import tell_fill
from sens.runtime.catalogue import Section


def shown() -> float:
    return Section.INGESTION.registry.get_sample_value("sens_ingestion_stream_fill_ratio") or 0.0


async def test_the_metric_follows_the_log_with_no_database_and_no_telemetry_worker(line: Line) -> None:
    stream, stopping = line.servers.stream, asyncio.Event()
    task = asyncio.create_task(tell_fill(stream, stopping, every_s=0.01))
    subject, last = "sens.raw.fill.exclusive", 0
    before = (await stream.state()).fill
    for _ in range(4):
        last = await stream.publish(subject, bytes(512 * 1024), expect_last=last)
    now = (await stream.state()).fill
    assert now > before
    await until(lambda: shown() >= now)
    stopping.set()
    await task
    assert shown() == (await stream.state()).fill
