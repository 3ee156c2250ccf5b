"""What the sources are doing, as the API tells: a source that is away stops no part, so no part's state shows it."""

from collections.abc import Mapping
from typing import Any, cast

import httpx

from sens.local.part import Probe
from sens.local.probes import local_client

_NOTICE_CHARACTERS = 300


def source_notice(api_url: str, key: str) -> Probe:
    """Names the sources that are away, each with the reason; "" where there are none or the API does not tell."""
    client, headers = local_client(), {"authorization": f"Bearer {key}"}

    async def probe() -> str:
        try:
            response = await client.get(f"{api_url}/api/v1/sources", params={"limit": 1000}, headers=headers)
            return troubles(response.json()["items"]) if response.is_success else ""
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return ""

    return probe


def troubles(sources: list[Mapping[str, Any]]) -> str:
    """The declared sources that are away, for a person, on one line."""
    told = [_trouble(source) for source in sources if source["declared"] and source["state"] == "away"]
    return " ".join("; ".join(told).split())[:_NOTICE_CHARACTERS]


def _trouble(source: Mapping[str, Any]) -> str:
    sessions = cast("list[Mapping[str, Any]]", source["sessions"])
    why = next((session["last_error"] for session in sessions if session["state"] == "away"), "")
    return f"source {source['name']} is away: {why}"
