"""Whether a part is ready, asked from outside."""

import asyncio
import json
from pathlib import Path

import httpx

from sens.local.part import Probe
from sens.local.ports import HOST

TIMEOUT_S = 2.0
NO_ANSWER = "does not answer"
_MISSING_CHARACTERS = 200


def local_client() -> httpx.AsyncClient:
    """For parts on this machine: no proxy, and no connection kept that a restart would break."""
    return httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_S, limits=httpx.Limits(max_keepalive_connections=0))


def http_ready(url: str) -> Probe:
    """Ready when a GET of /readyz is answered by 200; else its body names the checks that fail."""
    client = local_client()

    async def probe() -> str:
        try:
            response = await client.get(url)
        except httpx.ConnectError:
            return "not listening yet"
        except httpx.HTTPError:
            return NO_ANSWER
        return "" if response.is_success else _reasons(response.text)

    return probe


def http_alive(url: str) -> Probe:
    """Alive when a GET of /healthz is answered by 200: its loop turns, whatever servers it misses."""
    client = local_client()

    async def probe() -> str:
        try:
            response = await client.get(url)
        except httpx.HTTPError:
            return NO_ANSWER
        return "" if response.is_success else _reasons(response.text)

    return probe


def tcp_ready(*ports: int) -> Probe:
    """Ready when all ports accept connections."""

    async def probe() -> str:
        for port in ports:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    _, writer = await asyncio.open_connection(HOST, port)
            except OSError:  # TimeoutError is one
                return f"port {port} does not answer yet"
            writer.close()
        return ""

    return probe


def postmaster_ready(pid_file: Path) -> Probe:
    """Ready when PostgreSQL has written so into its pid file, after recovery."""

    def state() -> str:
        try:
            lines = pid_file.read_text().splitlines()
        except OSError:
            return "starting"
        return lines[7].strip() if len(lines) > 7 else "starting"

    async def probe() -> str:
        return "" if (now := state()) == "ready" else now

    return probe


def _reasons(body: str) -> str:
    """The reasons in an answer of /readyz, or its state."""
    try:
        answer = json.loads(body)
        reasons = [f"{name}: {check['reason']}" for name, check in answer["checks"].items() if not check["ok"]]
        text = "; ".join(reasons) or str(answer["status"])
    except (ValueError, KeyError, TypeError, AttributeError):
        text = body
    return " ".join(text.split())[:_MISSING_CHARACTERS] or "not ready"
