"""Several tasks of which the first to end ends the others."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def wait(event: asyncio.Event) -> None:
    """Wait until it is set, as work for `until_first_ends`."""
    await event.wait()


async def until_first_ends(*work: Coroutine[Any, Any, None]) -> None:
    """Run all; when one returns or fails, cancel the others.

    Raises: what the first one raised.
    """
    tasks = [asyncio.create_task(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
