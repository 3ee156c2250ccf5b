"""Readiness: whether the servers that a process needs answer right now."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sens.runtime import metrics
from sens.runtime.exits import message_of

Check = Callable[[], Awaitable[str | None]]
"""Returns None if all is well, or the reason why not; raising is a reason, too."""

CHECK_TIMEOUT_S = 2.0
FRESH_S = 1.0


@dataclass(frozen=True, slots=True)
class Report:
    """Whether a process is ready; `checks`: name → None or the reason why not."""

    ready: bool
    status: str
    checks: dict[str, str | None]


class Readiness:
    """The checks of a process, and its state: `starting` until one is registered, `draining` at the end.

    An answer is kept for a second, so that however often somebody asks, the servers are asked once.
    """

    def __init__(self) -> None:
        self.draining = False
        self._checks: dict[str, Check] = {}
        self._asking = asyncio.Lock()
        self._answer: dict[str, str | None] = {}
        self._answered_at = float("-inf")

    def register(self, name: str, check: Check) -> None:
        """Add a check. A name stands once."""
        if name in self._checks:
            raise ValueError(f"a readiness check named {name} is registered already")
        self._checks[name] = check
        self._answered_at = float("-inf")

    async def report(self) -> Report:
        """Run the checks, unless it was done less than a second ago."""
        async with self._asking:
            if time.monotonic() - self._answered_at > FRESH_S:
                self._answer = await self._run()
                self._answered_at = time.monotonic()
        failing = any(reason is not None for reason in self._answer.values())
        if self.draining:
            return Report(False, "draining", self._answer)
        if not self._checks:
            return Report(False, "starting", {})
        return Report(not failing, "failing" if failing else "ready", self._answer)

    async def _run(self) -> dict[str, str | None]:
        names = list(self._checks)
        timed = (asyncio.wait_for(self._checks[name](), CHECK_TIMEOUT_S) for name in names)
        outcomes = await asyncio.gather(*timed, return_exceptions=True)
        answer = dict(zip(names, map(_reason, outcomes), strict=True))
        for name, reason in answer.items():
            metrics.READY.labels(name).set(reason is None)
        return answer


def _reason(outcome: str | BaseException | None) -> str | None:
    if isinstance(outcome, TimeoutError):
        return f"no answer within {CHECK_TIMEOUT_S:g} s"
    return message_of(outcome) if isinstance(outcome, BaseException) else outcome
