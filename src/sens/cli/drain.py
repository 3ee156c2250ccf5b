"""`sens source drain`."""

import asyncio
from dataclasses import asdict

from sens.cli.errors import WrongArgument
from sens.cli.output import print_json, print_line
from sens.cli.progress import progress
from sens.decoders.registry import DECODERS
from sens.mqtt_ingestion_worker.draining import Drain, Drained
from sens.mqtt_ingestion_worker.settings import IngestionSettings
from sens.mqtt_ingestion_worker.source import Servers
from sens.runtime import logs
from sens.runtime.settings import load
from sens.sources.models import Source
from sens.sources.parsing import load as load_configuration
from sens.sources.problems import suggestion
from sens.stream.access import connect_by
from sens.stream.raw import RawStream, RawStreamSettings
from sens.stream.status import StatusBoard

PATIENCE_S = 30.0
"""How long NATS is waited for."""


def run(name: str, ordinal: int, quiet_s: float, *, as_json: bool) -> int:
    """Drain a member, and print what was done. Returns the exit code."""
    settings = load(IngestionSettings)
    logs.set_up("source-drain", settings.instance, settings.log_format, settings.log_level)
    configuration = load_configuration(settings.config, DECODERS)
    source = configuration.source(name)
    if source is None:
        known = [each.name for each in configuration.sources]
        raise WrongArgument(f"{settings.config} declares no source '{name}': {suggestion(name, known, 'sources')}")
    drained = asyncio.run(_drain(source, ordinal, settings, quiet_s))
    if as_json:
        print_json({"source": name, **asdict(drained)})
    elif drained.session_present:
        print_line(
            f"took {drained.messages} messages of {drained.session} of {name}; its session at the broker is ended"
        )
    else:
        print_line(f"the broker had no session {drained.session} of {name}: nothing to take")
    return 0


async def _drain(source: Source, ordinal: int, settings: IngestionSettings, quiet_s: float) -> Drained:
    stopping = asyncio.Event()
    asyncio.get_running_loop().call_later(PATIENCE_S, stopping.set)
    connection = await connect_by(settings, name="source-drain", stopping=stopping)
    try:
        stream = await RawStream.ensure(
            connection, RawStreamSettings(settings.raw_stream_max_bytes, settings.raw_stream)
        )
        with progress(f"draining {source.name}") as shown:
            servers = Servers(connection, stream, StatusBoard(connection))

            def tell(messages: int) -> None:
                shown.tell(f"draining {source.name}: {messages} messages")

            return await Drain(source, ordinal, servers, settings, quiet_s=quiet_s, tell=tell).run()
    finally:
        await connection.close()
