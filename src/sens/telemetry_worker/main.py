"""Wires the telemetry worker together."""

import asyncio
import sys

from sens.decoders.registry import DECODERS
from sens.domain.batch import Batch
from sens.runtime.exits import guard
from sens.runtime.lifetime import Lifetime, run
from sens.runtime.settings import load
from sens.sources.parsing import load as load_configuration
from sens.storage.connection import connect as connect_database
from sens.storage.migrate import check_schema
from sens.storage.write import WriteResult
from sens.stream.access import connect_by
from sens.stream.connection import StreamConnection
from sens.stream.consumer import RawConsumer
from sens.stream.live import LivePublisher
from sens.stream.raw import RawStream, RawStreamSettings
from sens.stream.replicas import bring_replicas_in_line
from sens.telemetry_worker.accounts import count_batch
from sens.telemetry_worker.clock import now_us
from sens.telemetry_worker.live import publish_live
from sens.telemetry_worker.maintenance import Maintenance
from sens.telemetry_worker.pipeline import Pace, Pipeline
from sens.telemetry_worker.replaying import Replayer
from sens.telemetry_worker.settings import TelemetrySettings
from sens.telemetry_worker.worker import Worker

COMPONENT = "telemetry-worker"
SWITCH_INTERVAL_S = 0.0005
"""How long the decoding thread may keep the interpreter while the storing one waits for it: at each of the many
blocks of a COPY, and it would be ten times that."""


def main() -> int:
    """Run until a signal. Returns the exit code."""
    return guard(lambda: start(load(TelemetrySettings)))


def start(settings: TelemetrySettings) -> int:
    configuration = load_configuration(settings.config, DECODERS)
    sys.setswitchinterval(SWITCH_INTERVAL_S)

    async def work(lifetime: Lifetime) -> None:
        connection = await connect_by(settings, name=COMPONENT, stopping=lifetime.stopping)
        lifetime.on_drain("nats", connection.close)

        async def open_log() -> tuple[RawStream, RawConsumer]:
            log_settings = RawStreamSettings(settings.raw_stream_max_bytes, settings.raw_stream)
            stream = await RawStream.ensure(connection, log_settings)
            await bring_replicas_in_line(connection)
            return stream, await RawConsumer.bind(connection, stream, ack_wait_s=settings.ack_wait_s)

        stream, consumer = await lifetime.insist("open the log", open_log)
        worker = Worker(settings, configuration, stream)
        lifetime.on_drain("database", lambda: asyncio.to_thread(worker.close))
        live = LivePublisher(connection)

        async def stored(batch: Batch, result: WriteResult) -> None:
            names = worker.resolver.source_names
            count_batch(batch, result, names, now_us())
            await publish_live(live, names, batch, result)

        async def pump() -> None:
            await Pipeline(
                consumer,
                worker.decode,
                worker.store.write,
                worker.store.settle,
                stored,
                pace=Pace(settings.max_batch_bytes, settings.batch_hold_s, settings.ack_wait_s),
                stopping=lifetime.stopping,
            ).run()

        lifetime.supervise("pipeline", pump)
        replayer = Replayer(connection, stream, worker)
        maintenance = Maintenance(settings, configuration, stream, consumer, replayer, lifetime.stopping)
        lifetime.supervise("maintenance", maintenance.run)
        lifetime.readiness.register("nats", lambda: _nats_answers(connection))
        lifetime.readiness.register("postgresql", lambda: asyncio.to_thread(_schema_fits, settings))

    return run(COMPONENT, settings, work)


async def _nats_answers(connection: StreamConnection) -> str | None:
    return None if connection.connected else f"NATS is away: {connection.last_error}"


def _schema_fits(settings: TelemetrySettings) -> None:
    """Raises what is wrong with the database."""
    with connect_database(settings.database_url.get_secret_value(), application_name="readiness") as database:
        check_schema(database)
