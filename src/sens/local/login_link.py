"""The link that logs in to a stack that has just started: asked of its API, with the admin's key."""

import asyncio
from collections.abc import Awaitable, Callable
from http.client import CONFLICT, CREATED

import httpx

from sens.local.probes import local_client
from sens.runtime.backoff import Backoff

MakeLink = Callable[[], Awaitable[str | None]]


def link_maker(url: str, api_key: str) -> MakeLink:
    """Makes a link that logs in once; it waits until the API at `url` answers. None: the API's log says why not."""

    async def make() -> str | None:
        async with local_client() as client:
            for delay_s in Backoff(cap_s=2.0):
                try:
                    answer = await client.post(
                        f"{url}/api/v1/login-links", headers={"X-API-Key": api_key}, json={}
                    )  # fmt: skip
                except httpx.HTTPError:
                    answer = None
                if answer is not None and answer.status_code == CREATED:
                    return f"{url}{answer.json()['path']}"
                # Until the API has its schema and knows the key, it answers 401 or 503.
                if answer is not None and answer.status_code == CONFLICT:
                    return None
                await asyncio.sleep(delay_s)
        raise AssertionError("delays never end")

    return make
