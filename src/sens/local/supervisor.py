"""Starts the parts stage by stage, keeps them running, and stops them in reverse order."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from sens.local.data_dir import DataDir
from sens.local.part import Part, RestartPolicy, Status
from sens.local.runner import Runner

LOG_CHECK_S = 5.0


class Supervisor:
    """Runs a stack of parts.

    Args:
        stages: the parts of a stage start together, once all of the stage before are running or done.
        on_change: told each new status of each part.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[Part]],
        data_dir: DataDir,
        on_change: Callable[[Status], None],
        policy: RestartPolicy | None = None,
    ) -> None:
        policy = policy or RestartPolicy()
        self._stages = [[Runner(part, data_dir, policy, on_change) for part in stage] for stage in stages]
        self._runners = [runner for stage in self._stages for runner in stage]
        self._hurry = asyncio.Event()

    def statuses(self) -> list[Status]:
        """All parts, in the order in which they start."""
        return [runner.status for runner in self._runners]

    def hurry(self) -> None:
        """Stop waiting for parts that finish their work: kill them. Nothing acknowledged is lost by that."""
        self._hurry.set()

    async def run(self, stopping: asyncio.Event) -> list[Status]:
        """Start all, run until `stopping` is set or a part fails for good, then stop all.

        Returns:
            The parts that failed.
        """
        failed = [asyncio.create_task(runner.failed.wait()) for runner in self._runners]
        ends = [asyncio.create_task(stopping.wait()), *failed]
        logs = asyncio.create_task(self._bound_logs())
        try:
            await self._start(ends)
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            failures = [runner.status for runner in self._runners if runner.failed.is_set()]
            for task in (*ends, logs):
                task.cancel()
            for runner in reversed(self._runners):
                await runner.stop(self._hurry)
        return failures

    async def _start(self, ends: list[asyncio.Task[Any]]) -> None:
        for stage in self._stages:
            for runner in stage:
                runner.start()
            if not await _before(ends, _settled(stage)):
                return

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(LOG_CHECK_S)
            for runner in self._runners:
                runner.bound_log()


async def _settled(stage: Sequence[Runner]) -> None:
    for runner in stage:
        await runner.settled.wait()


async def _before(ends: list[asyncio.Task[Any]], awaited: Coroutine[Any, Any, None]) -> bool:
    """Whether `awaited` came before any of `ends`."""
    task = asyncio.create_task(awaited)
    await asyncio.wait((task, *ends), return_when=asyncio.FIRST_COMPLETED)
    if any(end.done() for end in ends):
        task.cancel()
        return False
    return True
