"""Wires the API together."""

import asyncio
from typing import Any

import structlog
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from sens.decoders.registry import DECODERS
from sens.platform_api.admin_key import keep_admin_key, read_admin_key
from sens.platform_api.app import make_app
from sens.platform_api.console import read_console
from sens.platform_api.edge import unreadable_request
from sens.platform_api.keys import Keyring
from sens.platform_api.live.hub import LiveHub
from sens.platform_api.names import SeriesNames
from sens.platform_api.services import Services
from sens.platform_api.sessions import SessionRing, SessionRules
from sens.platform_api.settings import ApiSettings
from sens.platform_api.setup_token import SetupToken, read_setup_token
from sens.runtime.exits import guard
from sens.runtime.http import serve
from sens.runtime.lifetime import Lifetime, run
from sens.runtime.open_files import make_room
from sens.runtime.settings import load
from sens.sources.models import Configuration
from sens.sources.parsing import load as load_configuration
from sens.sources.pieces import pieces
from sens.storage.api_keys import ApiKey, find_api_key
from sens.storage.connection import connect as connect_database
from sens.storage.migrate import check_schema
from sens.storage.reads import Reader
from sens.stream.access import address_of
from sens.stream.connection import StreamConnection
from sens.stream.imports import ImportLog
from sens.stream.status import StatusBoard
from sens.stream.tails import LogObserver

log: structlog.stdlib.BoundLogger = structlog.get_logger()

COMPONENT = "platform-api"


def main() -> int:
    """Run until a signal. Returns the exit code."""
    return guard(lambda: start(load(ApiSettings)))


def start(settings: ApiSettings) -> int:
    configuration = load_configuration(settings.config, DECODERS)
    make_room(settings.api_max_connections)
    admin_key = None if settings.admin_api_key_file is None else read_admin_key(settings.admin_api_key_file)
    setup_token = read_setup_token(settings.setup_token_file)
    console = None if settings.console_dir is None else read_console(settings.console_dir)
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
        services = _services(settings, configuration, database, stream, lifetime, setup_token)
        # uvicorn and starlette describe the same ASGI in types of their own.
        proxied: Any = ProxyHeadersMiddleware
        app: ASGIApp = proxied(make_app(services, console), trusted_hosts=settings.api_trusted_proxies)
        async with (
            database,
            serve(
                app,
                settings.api_host,
                settings.api_port,
                port_variable="SENS_API_PORT",
                max_connections=settings.api_max_connections,
                unreadable=unreadable_request,
            ) as port,
        ):
            lifetime.supervise("keep admin key", keep_key)
            lifetime.supervise("live readings", lambda: services.live.run(lifetime.stopping))
            log.info("serving", host=settings.api_host, port=port)
            await lifetime.stopping.wait()

    return run(COMPONENT, settings, work)


def _services(
    settings: ApiSettings,
    configuration: Configuration,
    database: Reader,
    stream: StreamConnection,
    lifetime: Lifetime,
    setup_token: SetupToken,
) -> Services:
    async def find_key(prefix: str) -> ApiKey | None:
        async with database.connection() as connection:
            return await find_api_key(connection, prefix)

    names = SeriesNames(database)
    return Services(
        database=database,
        stream=stream,
        log=LogObserver(stream, settings.raw_stream),
        imports=ImportLog(stream, settings.raw_stream),
        board=StatusBoard(stream),
        keyring=Keyring(find_key),
        sessions=SessionRing(database, _rules(settings)),
        setup_token=setup_token,
        names=names,
        live=LiveHub(stream, names, max_streams=settings.api_max_live_streams),
        configuration=configuration,
        source_pieces=pieces(settings.config.read_text(encoding="utf-8")),
        probes=lifetime.probes,
        stopping=lifetime.stopping,
        max_requests=settings.api_max_connections,
    )


def _rules(settings: ApiSettings) -> SessionRules:
    return SessionRules(settings.session_idle_s, settings.session_max_s, settings.session_cookie_secure)


async def _nats_answers(stream: StreamConnection) -> str | None:
    return None if stream.connected else f"NATS is away: {stream.last_error}"


def _check_schema(settings: ApiSettings) -> None:
    """Raises what is wrong with the database."""
    with connect_database(settings.database_url.get_secret_value(), application_name="readiness") as database:
        check_schema(database)
