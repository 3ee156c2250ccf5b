"""Wires the API together."""

import asyncio

import structlog

from sens.decoders.registry import DECODERS
from sens.platform_api.admin_key import keep_admin_key, read_admin_key
from sens.platform_api.app import make_app
from sens.platform_api.keys import Keyring
from sens.platform_api.names import SeriesNames
from sens.platform_api.services import Services
from sens.platform_api.settings import ApiSettings
from sens.runtime.exits import guard
from sens.runtime.http import serve
from sens.runtime.lifetime import Lifetime, run
from sens.runtime.settings import load
from sens.sources.models import Configuration
from sens.sources.parsing import load as load_configuration
from sens.storage.api_keys import ApiKey, find_api_key
from sens.storage.connection import connect as connect_database
from sens.storage.migrate import check_schema
from sens.storage.reads import Reader
from sens.stream.access import address_of
from sens.stream.connection import StreamConnection
from sens.stream.status import StatusBoard
from sens.stream.tails import LogObserver

log: structlog.stdlib.BoundLogger = structlog.get_logger()

COMPONENT = "platform-api"


def main() -> int:
    """Run until a signal. Returns the exit code."""
    return guard(lambda: start(load(ApiSettings)))


def start(settings: ApiSettings) -> int:
    configuration = load_configuration(settings.config, DECODERS)
    admin_key = None if settings.admin_api_key_file is None else read_admin_key(settings.admin_api_key_file)
    stream = StreamConnection(address_of(settings), COMPONENT)
    database = Reader(
        settings.database_url.get_secret_value(),
        size=settings.api_pool_size,
        statement_timeout_s=settings.api_statement_timeout_s,
    )

    async def work(lifetime: Lifetime) -> None:
        async def keep_key() -> None:
            await asyncio.to_thread(_check_schema, settings)
            if admin_key is not None:
                await keep_admin_key(database, admin_key)

        # The API answers from the start: what needs a server that is away is answered with 503.
        lifetime.on_drain("nats", stream.close)
        lifetime.supervise("connect to nats", lambda: stream.open(lifetime.stopping))
        lifetime.readiness.register("nats", lambda: _nats_answers(stream))
        lifetime.readiness.register("postgresql", lambda: asyncio.to_thread(_check_schema, settings))
        app = make_app(_services(settings, configuration, database, stream, lifetime))
        async with (
            database,
            serve(
                app,
                settings.api_host,
                settings.api_port,
                port_variable="SENS_API_PORT",
                max_connections=settings.api_max_connections,
            ) as port,
        ):
            lifetime.supervise("keep admin key", keep_key)
            log.info("serving", host=settings.api_host, port=port)
            await lifetime.stopping.wait()

    return run(COMPONENT, settings, work)


def _services(
    settings: ApiSettings,
    configuration: Configuration,
    database: Reader,
    stream: StreamConnection,
    lifetime: Lifetime,
) -> Services:
    async def find_key(prefix: str) -> ApiKey | None:
        async with database.connection() as connection:
            return await find_api_key(connection, prefix)

    return Services(
        database=database,
        stream=stream,
        log=LogObserver(stream, settings.raw_stream),
        board=StatusBoard(stream),
        keyring=Keyring(find_key),
        names=SeriesNames(database),
        configuration=configuration,
        probes=lifetime.probes,
        stopping=lifetime.stopping,
        max_live_streams=settings.api_max_live_streams,
        max_requests=settings.api_max_connections,
    )


async def _nats_answers(stream: StreamConnection) -> str | None:
    return None if stream.connected else f"NATS is away: {stream.last_error}"


def _check_schema(settings: ApiSettings) -> None:
    """Raises what is wrong with the database."""
    with connect_database(settings.database_url.get_secret_value(), application_name="readiness") as database:
        check_schema(database)
