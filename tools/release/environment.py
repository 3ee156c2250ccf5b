"""What an environment answers to whoever asks."""

from collections.abc import Iterator

import httpx

from .record import Smoke

_TIMEOUT_S = 10.0
_HEALTH = ("/healthz", "/readyz")


def smoke(api: str, docs: str) -> Smoke:
    """Look whether an environment works.

    Args:
        api: URL of its API.
        docs: URL of its docs.
    """
    with httpx.Client(timeout=_TIMEOUT_S) as client:
        failures = [*_failures(client, [*(f"{api}{path}" for path in _HEALTH), f"{docs}/"])]
        try:
            answer = client.get(f"{api}/version").raise_for_status().json()
            return Smoke(answer["version"], answer["git_sha"], tuple(failures))
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as failure:
            return Smoke("", "", (*failures, f"{api}/version: {failure!r}"))


def _failures(client: httpx.Client, urls: list[str]) -> Iterator[str]:
    for url in urls:
        try:
            client.get(url).raise_for_status()
        except httpx.HTTPError as failure:
            yield f"{url}: {failure}"
