"""The ops port: probes and metrics for the cluster, never for the public.

/healthz   200 while the event loop turns, else 503: restart the process
/readyz    200 when every readiness check passes, else 503, with the reasons: send it no work
/metrics   Prometheus text format
/version   deployed version, commit and its date, Python, component
"""

import asyncio
from dataclasses import asdict

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sens.runtime import catalogue
from sens.runtime.heartbeat import Heartbeat
from sens.runtime.readiness import Readiness
from sens.runtime.version import build

NO_STORE = {"cache-control": "no-store"}
MAX_CONNECTIONS = 64


class Probes:
    """What the probes answer, for the ops port and for a public port that offers them, too."""

    def __init__(self, component: str, heartbeat: Heartbeat, readiness: Readiness) -> None:
        self.component = component
        self.heartbeat = heartbeat
        self.readiness = readiness

    async def healthz(self, _request: Request) -> Response:
        alive, age_s = self.heartbeat.alive, round(self.heartbeat.age_s, 3)
        return _answer(alive, {"status": "alive" if alive else "stalled", "heartbeat_age_s": age_s})

    async def readyz(self, _request: Request) -> Response:
        report = await self.readiness.report()
        checks = {name: {"ok": reason is None, "reason": reason} for name, reason in report.checks.items()}
        return _answer(report.ready, {"status": report.status, "checks": checks})

    async def version(self, _request: Request) -> Response:
        return _answer(True, {**asdict(build()), "component": self.component})

    async def metrics(self, _request: Request) -> Response:
        # In a thread: some hundred series take milliseconds, which the hot path should not wait for.
        text = await asyncio.to_thread(catalogue.render, self.component)
        return Response(text, headers={**NO_STORE, "content-type": catalogue.CONTENT_TYPE})


def _answer(well: bool, body: dict[str, object]) -> Response:
    return JSONResponse(body, status_code=200 if well else 503, headers=NO_STORE)


def ops_app(probes: Probes) -> Starlette:
    """The application of the ops port."""
    return Starlette(
        routes=[
            Route("/healthz", probes.healthz),
            Route("/readyz", probes.readyz),
            Route("/metrics", probes.metrics),
            Route("/version", probes.version),
        ]
    )
