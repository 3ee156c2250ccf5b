"""The application: routes, error handling, and what goes round every request."""

from collections.abc import Mapping
from typing import Any

from fastapi import Depends, FastAPI
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import ASGIApp

from sens.platform_api.conditional import Conditional
from sens.platform_api.console import Console, ConsoleFile
from sens.platform_api.edge import Edge
from sens.platform_api.exports import FileFormat
from sens.platform_api.handlers import add_handlers
from sens.platform_api.openapi import describe
from sens.platform_api.routers import (
    api_keys,
    audit,
    devices,
    imports,
    ledger,
    live,
    login,
    many_readings,
    overview,
    probes,
    quarantine,
    quarantine_bulk,
    readings,
    replay,
    series,
    sources,
    users,
)
from sens.platform_api.services import Services
from sens.platform_api.strict import refuse_stray_parameters

_WORTH_COMPRESSING_BYTES = 2048
_COMPRESSION = 4
"""Half the time of the usual 6, for some hundredths more."""

_PACKED = (FileFormat.ARROW.media_type, FileFormat.PARQUET.media_type)

RESOURCES = (
    overview,
    devices,
    series,
    readings,
    many_readings,
    live,
    sources,
    ledger,
    quarantine,
    quarantine_bulk,
    replay,
    imports,
    login,
    users,
    api_keys,
    audit,
)


def make_routes() -> FastAPI:
    """All routes, without the services that they need to answer."""
    # Documentation pages of the framework load scripts from elsewhere: only the document is served.
    app = FastAPI(
        title="SENS Platform API",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    for each in RESOURCES:
        app.include_router(each.router, dependencies=[Depends(refuse_stray_parameters)])
    app.include_router(probes.router)
    add_handlers(app)
    describe(app)
    return app


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document, for docs/openapi.json and for generated clients."""
    return make_routes().openapi()


def make_app(services: Services, console: Mapping[str, ConsoleFile] | None = None) -> ASGIApp:
    """The application to serve, with the console's files beside the API where they are given."""
    routes = make_routes()
    routes.state.services = services
    # What is shorter, such as a session with its secret, is not worth it; files are compressed, or soon saved as such.
    smaller = GZipMiddleware(
        Conditional(routes),
        minimum_size=_WORTH_COMPRESSING_BYTES,
        compresslevel=_COMPRESSION,
        exclude_content_types=(
            *DEFAULT_EXCLUDED_CONTENT_TYPES,
            FileFormat.ARROW.media_type,
            FileFormat.PARQUET.media_type,
        ),
    )
    served = smaller if console is None else Console(smaller, console)
    return Edge(served, max_requests=services.max_requests)
