"""A process as a deployable makes it, for test_process.py; its first argument says how it behaves."""

import asyncio
import sys
import time

import structlog

from sens.domain.errors import Fatal, Retry
from sens.runtime.exits import guard
from sens.runtime.lifetime import Lifetime, run
from sens.runtime.settings import Settings, load

log = structlog.get_logger()


async def behave(behaviour: str, lifetime: Lifetime) -> None:
    if behaviour == "fatal":
        raise Fatal("the configuration names no source: add one under sources")
    if behaviour == "bug":
        raise ZeroDivisionError
    if behaviour == "away":
        raise Retry("no answer from nats://u:hunter2@h within 1 s")
    await lifetime.stopping.wait()
    if behaviour == "slow":
        await asyncio.sleep(60)
    if behaviour == "stuck":
        time.sleep(60)  # noqa: ASYNC251  # a loop that is stuck is what the test is about


async def main(lifetime: Lifetime) -> None:
    async def well() -> None:
        return None

    async def close() -> None:
        log.info("closed")

    lifetime.readiness.register("well", well)
    lifetime.on_drain("close", close)
    lifetime.supervise("work", lambda: behave(sys.argv[1], lifetime))


if __name__ == "__main__":
    sys.exit(guard(lambda: run("sample", load(Settings), main)))
