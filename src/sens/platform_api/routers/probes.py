"""The probes on the public port, the same as on the ops port. They need no key."""

from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from sens.platform_api.models import Model
from sens.platform_api.services import ServicesOf

router = APIRouter(tags=["probes"])


class Health(Model):
    """Whether the process works."""

    status: Literal["alive", "stalled"]
    heartbeat_age_s: float = Field(examples=[0.2])


class Check(Model):
    """Whether one server answers."""

    ok: bool
    reason: str | None = Field(examples=[None])


class Ready(Model):
    """Whether all that the process needs answers."""

    status: Literal["ready", "failing", "starting", "draining"]
    checks: dict[str, Check] = Field(examples=[{"PostgreSQL": {"ok": True, "reason": None}}])


class VersionAnswer(Model):
    """Which build this is."""

    version: str = Field(description="The tag that was deployed, or `unreleased`.", examples=["0.1.0"])
    git_sha: str = Field(examples=["903c852a9f3b0f7b6d4e"])
    build_date: str = Field(
        description="When that commit was made, in UTC, or `unknown`.", examples=["2026-11-26T12:00:00Z"]
    )
    python: str = Field(examples=["3.13.1"])
    component: str = Field(examples=["platform-api"])


def _failing(model: type[Model]) -> dict[int | str, dict[str, Any]]:
    return {503: {"model": model, "description": "Not now; the body tells why."}}


@router.get("/healthz", response_model=Health, responses=_failing(Health))
async def healthz(request: Request, services: ServicesOf) -> Response:
    """Whether the event loop turns."""
    return await services.probes.healthz(request)


@router.get("/readyz", response_model=Ready, responses=_failing(Ready))
async def readyz(request: Request, services: ServicesOf) -> Response:
    """Whether PostgreSQL and NATS answer and the schema fits."""
    return await services.probes.readyz(request)


@router.get("/version", response_model=VersionAnswer)
async def version(request: Request, services: ServicesOf) -> Response:
    """Which version was deployed, and of which commit the build is."""
    return await services.probes.version(request)
