"""The life of a process: start, work under supervision, drain on a signal, exit with a code that tells.

    SIGTERM or SIGINT → `stopping` is set, /readyz says "draining"
      → main and supervised tasks return → drain callbacks, last registered first → exit
    a second signal, or more than `drain_timeout_s` → exit at once, unfinished

`main` registers readiness checks, starts tasks with `supervise` and returns, or stays until `stopping`.
The process ends when main and all tasks have ended.
"""

import asyncio
import gc
import os
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog
import uvloop

from sens.domain.errors import Retry, SensError
from sens.runtime import logs, metrics
from sens.runtime.backoff import Backoff, pause
from sens.runtime.exits import ExitCode, exit_code_of, leaves, message_of
from sens.runtime.hard_exit import HardExit
from sens.runtime.heartbeat import Heartbeat
from sens.runtime.http import serve
from sens.runtime.ops import MAX_CONNECTIONS, Probes, ops_app
from sens.runtime.readiness import Readiness
from sens.runtime.settings import Settings, unknown_variables
from sens.runtime.version import build

log: structlog.stdlib.BoundLogger = structlog.get_logger()

Work = Callable[[], Coroutine[Any, Any, None]]
T = TypeVar("T")

HARD_EXIT_MARGIN_S = 2.0


class Lifetime:
    """What a deployable's `main` gets.

    Attributes:
        stopping: set when the process is asked to end. Tasks watch it, finish what they hold, return.
        readiness: where checks are registered; /readyz fails until there is one.
        probes: the answers of the probes, for a public port that offers them, too.
    """

    def __init__(
        self,
        component: str,
        *,
        drain_timeout_s: float = 25.0,
        backoff: Backoff | None = None,
        hard_exit: HardExit | None = None,
    ) -> None:
        self.component = component
        self.drain_timeout_s = drain_timeout_s
        self.stopping = asyncio.Event()
        self.readiness = Readiness()
        self.heartbeat = Heartbeat()
        self.probes = Probes(component, self.heartbeat, self.readiness)
        self._backoff = backoff or Backoff()
        self._hard_exit = hard_exit
        self._tasks: set[asyncio.Task[None]] = set()
        self._drains: list[tuple[str, Work]] = []
        self._aborted = asyncio.Event()
        self._exit_code = ExitCode.OK

    def stop(self) -> None:
        """Begin to drain, as SIGTERM does. Calling it again changes nothing."""
        if self.stopping.is_set():
            return
        self.readiness.draining = True
        # Before anything else runs: what is woken by `stopping` may block the event loop.
        self._exit_hard_after(self.drain_timeout_s + HARD_EXIT_MARGIN_S, ExitCode.DRAIN_TIMEOUT)
        self.stopping.set()

    def supervise(self, name: str, work: Work) -> asyncio.Task[None]:
        """Run `work()`; start it again, after a jittered back-off, each time it fails with Retry.

        Fatal or any other error ends the process, by a drain of all else. Returning ends the task.
        """
        return self._start(name, self._keep_running(name, work))

    async def insist(self, name: str, attempt: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `attempt()` returns; it is called again, after a jittered back-off, each time it fails with Retry.

        Raises:
            Retry: the last one, when the process is asked to end.
        """
        delays = iter(self._backoff)
        while True:
            try:
                return await attempt()
            except Retry as error:
                delay_s = next(delays)
                log.warning("will_try_again", what=name, error=message_of(error), retry_in_s=round(delay_s, 2))
                if await pause(delay_s, self.stopping):
                    raise

    def on_drain(self, name: str, callback: Work) -> None:
        """Have `callback` awaited when main and all tasks have ended. Last registered, first called;
        one that fails does not keep the others from being called."""
        self._drains.append((name, callback))

    async def live(self, main: "Main") -> ExitCode:
        """Run main and what it starts until all have ended, or until the drain is over."""
        self._start("main", self._main(main))
        ended = asyncio.create_task(self._all_ended(), name="wait for tasks")
        asked = asyncio.create_task(self.stopping.wait(), name="wait for stopping")
        await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
        self.stop()
        return await self._finish(ended)

    async def _main(self, main: "Main") -> None:
        await main(self)

    def _start(self, name: str, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._note_end)
        return task

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        code = exit_code_of(error)
        self._exit_code = self._exit_code or code
        bug = code is ExitCode.FAILURE
        log.error("task_failed", task=task.get_name(), error=message_of(error), exc_info=error if bug else None)
        self.stop()

    async def _keep_running(self, name: str, work: Work) -> None:
        delays, started = iter(self._backoff), time.monotonic()
        restarts = metrics.TASK_RESTARTS.labels(name)
        while True:
            try:
                return await work()
            except (Retry, BaseExceptionGroup) as error:
                if not all(isinstance(each, Retry) for each in leaves(error)):
                    raise
                failure = message_of(error)
            # What the failed work held, in a circle with the error that ended it, would lie there until the collector
            # comes by; with a source these are megabytes.
            gc.collect()
            if time.monotonic() - started > self._backoff.cap_s:
                delays = iter(self._backoff)  # it ran well for a while: this is a new fault
            delay_s = next(delays)
            log.warning("task_failed_will_retry", task=name, error=failure, retry_in_s=round(delay_s, 2))
            if await pause(delay_s, self.stopping):
                return None
            restarts.inc()
            started = time.monotonic()

    async def _all_ended(self) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _finish(self, ended: asyncio.Task[None]) -> ExitCode:
        drained = asyncio.create_task(self._drain(ended), name="drain")
        aborted = asyncio.create_task(self._aborted.wait(), name="wait for a second signal")
        log.info("draining", tasks=self._task_names(), timeout_s=self.drain_timeout_s)
        done, _ = await asyncio.wait(
            {drained, aborted}, timeout=self.drain_timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
        if drained in done:
            return self._exit_code
        code = ExitCode.INTERRUPTED if aborted in done else ExitCode.DRAIN_TIMEOUT
        log.error("drain_cut_short", reason=code.text, unfinished=self._task_names())
        self._exit_hard_after(HARD_EXIT_MARGIN_S, code)
        return code

    def _exit_hard_after(self, delay_s: float, code: ExitCode) -> None:
        if self._hard_exit:
            self._hard_exit.arm(delay_s, code)

    async def _drain(self, ended: asyncio.Task[None]) -> None:
        await ended
        for name, callback in reversed(self._drains):
            await asyncio.wait({self._start(f"drain {name}", callback())})

    def _task_names(self) -> list[str]:
        return sorted(task.get_name() for task in self._tasks)

    def on_signal(self, number: int) -> None:
        """First signal: drain. Second: exit at once."""
        again = self.stopping.is_set()
        log.info("signal", signal=signal.Signals(number).name, then="exit" if again else "drain")
        if again:
            self._aborted.set()
        self.stop()


Main = Callable[[Lifetime], Awaitable[None]]


def run(component: str, settings: Settings, main: Main) -> int:
    """Run a deployable until it ends. Returns its exit code.

    Sets up uvloop, logs, signals and the ops port, then calls `main`.
    """
    logs.set_up(component, settings.instance, settings.log_format, settings.log_level)
    for name, close in unknown_variables(type(settings), os.environ).items():
        log.warning("unknown_setting", variable=name, advice=f"did you mean {close}?" if close else "remove it")
    _calm_collector()
    metrics.START_TIME.set_to_current_time()
    metrics.BUILD_INFO.labels(component, build().version, build().git_sha, build().python).set(1)
    hard_exit = HardExit()
    lifetime = Lifetime(component, drain_timeout_s=settings.drain_timeout_s, hard_exit=hard_exit)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            code = runner.run(_run(lifetime, settings, main))
    except SensError as error:
        code = exit_code_of(error)
        log.error("failed_to_start", error=message_of(error))
    finally:
        hard_exit.disarm()
    log.info("ended", exit_code=int(code), meaning=code.text)
    return code


def _calm_collector() -> None:
    """Batches make and drop tens of thousands of containers, none of them in cycles: look less often, and
    never again at what was imported."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _run(lifetime: Lifetime, settings: Settings, main: Main) -> ExitCode:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lifetime.on_signal, number)
    heartbeat = asyncio.create_task(lifetime.heartbeat.run(), name="heartbeat")
    ops = serve(
        ops_app(lifetime.probes),
        settings.ops_host,
        settings.ops_port,
        port_variable="SENS_OPS_PORT",
        max_connections=MAX_CONNECTIONS,
        shutdown_timeout_s=1,
    )
    async with ops as port:
        log.info("started", version=str(build()), pid=os.getpid(), ops_port=port)
        code = await lifetime.live(main)
    heartbeat.cancel()
    return code
