"""Wires the ingestion worker together."""

from sens.decoders.registry import DECODERS
from sens.mqtt_ingestion_worker.settings import IngestionSettings
from sens.mqtt_ingestion_worker.source import Servers, SourceWorker
from sens.mqtt_ingestion_worker.stream_fill import tell_fill
from sens.runtime.exits import guard
from sens.runtime.lifetime import Lifetime, run
from sens.runtime.settings import load
from sens.sources.parsing import load as load_configuration
from sens.stream.access import connect_by
from sens.stream.connection import StreamConnection
from sens.stream.raw import RawStream, RawStreamSettings
from sens.stream.replicas import bring_replicas_in_line
from sens.stream.status import StatusBoard

COMPONENT = "mqtt-ingestion-worker"


def main() -> int:
    """Run until a signal. Returns the exit code."""
    return guard(lambda: start(load(IngestionSettings)))


def start(settings: IngestionSettings) -> int:
    configuration = load_configuration(settings.config, DECODERS)

    async def work(lifetime: Lifetime) -> None:
        connection = await connect_by(settings, name=COMPONENT, stopping=lifetime.stopping)
        lifetime.on_drain("nats", connection.close)

        async def open_log() -> RawStream:
            log_settings = RawStreamSettings(settings.raw_stream_max_bytes, settings.raw_stream)
            stream = await RawStream.ensure(connection, log_settings)
            await bring_replicas_in_line(connection)
            return stream

        stream = await lifetime.insist("open the log", open_log)
        servers = Servers(connection, stream, StatusBoard(connection))
        for source in configuration.sources:
            worker = SourceWorker(source, servers, settings, lifetime.stopping)
            lifetime.supervise(f"source {source.name}", worker.run)
            lifetime.supervise(f"status {source.name}", worker.tell_status)
        lifetime.supervise("stream fill", lambda: tell_fill(stream, lifetime.stopping))
        lifetime.readiness.register("nats", lambda: _answers(connection))

    return run(COMPONENT, settings, work)


async def _answers(connection: StreamConnection) -> str | None:
    return None if connection.connected else f"NATS is away: {connection.last_error}"
