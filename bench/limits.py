"""What this machine can do at most, measured beside the product and with none of it in the way."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from bench.figures import Context, per_second
from bench.load import Tool, published
from bench.messages import UNIFORM_DEVICES, UNIFORM_READINGS
from bench.read import Read
from bench.stack import MOSQUITTO, Database
from bench.usage import Meter
from sens.storage.copy_rows import number_rows
from sens.storage.stopwatch import Stopwatch
from sens.telemetry_worker.settings import TelemetrySettings
from servers import Mosquitto

PACKET_BYTES = 89
FIRST_TIME_US = 1_750_000_000_000_000
# Narrow and with the key of `reading`, but in one piece: no partitions, no ledger, nobody else.
COPY_TABLE = "CREATE TABLE copied (LIKE reading INCLUDING ALL)"
COPY = "COPY copied (series_id, time, value) FROM STDIN (FORMAT binary)"


def mosquitto_alone(context: Context, messages: int) -> dict[str, Any]:
    """Messages a second from the bulk publisher through mosquitto to a bulk reader, QoS 1 on both sides."""
    broker = Mosquitto(context.new_folder("mosquitto"), MOSQUITTO)
    broker.start()
    try:
        with Meter({"mosquitto": broker.pid}) as meter:
            reader = Tool("read", port=broker.port, messages=messages)
            reader.wait_ready()
            sent = published(Tool("publish", port=broker.port, messages=messages))
            read = Read(**reader.result())
    finally:
        broker.kill()
    return {
        "messages_per_s": round(read.rate),
        "cpu_us_per_message": meter.us_per_message(messages),
        "publisher": asdict(sent),
        "reader": asdict(read),
    }


def direct_copy(context: Context, readings: int) -> dict[str, Any]:
    """Readings a second by one connection's COPY into a table with the key of `reading`, a transaction a batch.

    The batches are as large as a full one of the telemetry worker, and made beforehand.
    """
    cluster = context.cluster
    name = cluster.make_database()
    with cluster.connect(name) as database:
        database.execute(COPY_TABLE)
        batches = list(_batches(readings))
        seconds = _copy(database, [data for _, data in batches])
        row = database.execute("SELECT count(*) FROM copied").fetchone()
    cluster.drop_database(name)
    copied = sum(count for count, _ in batches)
    assert row == (copied,), f"{row} of {copied} rows are there"
    return {"readings_per_s": per_second(copied, seconds), "readings": copied, "batches": len(batches)}


def _copy(database: Database, batches: list[bytes]) -> float:
    watch = Stopwatch()
    for data in batches:
        with database.cursor() as cursor, cursor.copy(COPY) as copy:
            copy.write(data)
    watch.lap("copy")
    return watch.seconds["copy"]


def _batches(readings: int) -> Iterator[tuple[int, bytes]]:
    """(rows, COPY stream): the devices' messages in turn, sorted by series and time, as the product does."""
    most_messages = TelemetrySettings.model_fields["max_batch_bytes"].default // PACKET_BYTES
    messages = readings // UNIFORM_READINGS
    for start in range(0, messages, most_messages):
        message = np.repeat(np.arange(start, min(start + most_messages, messages)), UNIFORM_READINGS)
        metric = np.arange(len(message)) % UNIFORM_READINGS
        series = (message % UNIFORM_DEVICES * UNIFORM_READINGS + metric + 1).astype(np.int32)
        time = FIRST_TIME_US + message
        order = np.lexsort((time, series))
        yield len(message), number_rows(series[order], time[order], message[order] / 7)
