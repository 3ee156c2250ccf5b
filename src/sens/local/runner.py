"""One part's life: started, watched, started again when it dies, stopped with grace."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sens.domain.errors import Fatal
from sens.local import orphans
from sens.local.data_dir import DataDir
from sens.local.launch import launched
from sens.local.logs import LogFile
from sens.local.part import Part, Probe, RestartPolicy, State, Status

READY_POLL_S = 0.2  # each costs the part, while it starts, some milliseconds
WATCH_POLL_S = 2.0


class Runner:
    """Runs a part until it is told to stop or gives up.

    Attributes:
        status: the last state.
        settled: set once the part is running, done, stopped or failed for the first time.
        failed: set when it gives up.
    """

    def __init__(
        self, part: Part, data_dir: DataDir, policy: RestartPolicy, on_change: Callable[[Status], None]
    ) -> None:
        self.part = part
        self.status = Status(name=part.name, url=part.url)
        self.settled = asyncio.Event()
        self.failed = asyncio.Event()
        self._policy = policy
        self._on_change = on_change
        self._log = LogFile(data_dir.logs, part.name)
        self._pid_file = data_dir.pids / f"{part.name}.pid"
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._was_ready = False
        self._killed_because = ""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=self.part.name)
        self._task.add_done_callback(self._on_end)

    async def stop(self, hurry: asyncio.Event) -> None:
        """Ask the part to end, wait for its grace time or until `hurry` is set, then kill it."""
        self._stopping.set()
        if self._task is None:
            return
        if self._process is not None:
            self._set(State.STOPPING)
            self._signal(self.part.stop_signal)
            if not await _ended_in_time(self._task, hurry, self.part.grace_s):
                self._signal(signal.SIGKILL)
        await self._task

    def bound_log(self) -> None:
        """Keep the log file from growing without limit."""
        self._log.bound()

    async def _run(self) -> None:
        self._log.rotate()
        deaths = 0
        while not self._stopping.is_set():
            began_at = time.monotonic()
            try:
                code = await self._live()
            except (Fatal, OSError) as error:
                self._fail(str(error))
                return
            if self._stopping.is_set():
                break
            if self.part.task and code == 0:
                self._settle(State.DONE)
                return
            deaths = 1 if time.monotonic() - began_at > self._policy.steady_s else deaths + 1
            if self._hopeless(code, deaths):
                self._fail(self._reason(code))
                return
            self._set(State.RESTARTING, pid=None, note=self._reason(code), restarts=self.status.restarts + 1)
            await _wait(self._stopping, self._policy.delay_s(deaths))
        self._settle(State.STOPPED)

    def _hopeless(self, code: int, deaths: int) -> bool:
        if self.part.task:
            return True
        given_up = deaths >= self._policy.max_start_attempts or code == self.part.hopeless_code
        return given_up and not self._was_ready

    async def _live(self) -> int:
        """From the start of a process to its end. Returns its exit code."""
        if self.status.state is State.WAITING:
            self._set(State.STARTING)
        if self.part.prepare is not None:
            await asyncio.to_thread(self.part.prepare)
        if self._stopping.is_set():
            return 0
        self._killed_because = ""
        self._process = await self._spawn()
        watch = asyncio.create_task(self._watch())
        try:
            return await self._process.wait()
        finally:
            self._process = None
            self._pid_file.unlink(missing_ok=True)
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _spawn(self) -> asyncio.subprocess.Process:
        command = launched(self.part.command, self.part.death_signal)
        with self._log.open() as log:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.part.environment},
                # Ctrl-C is for the supervisor alone: it stops the parts in their order.
                start_new_session=True,
            )
        orphans.record(self._pid_file, process.pid, command, self.part.stop_signal)
        self._set(self.status.state, pid=process.pid)
        return process

    async def _watch(self) -> None:
        """Tell when the part is ready, and later when it is not; end it when it does not answer any more."""
        if self.part.task:
            return
        ready, answered, silent_at = False, False, 0.0
        while True:
            missing = await _ask(self.part.ready)
            silent = await _ask(self.part.alive) if missing else ""
            answered = answered or not silent
            silent_at = (silent_at or time.monotonic()) if silent else 0.0
            if not missing:
                ready = self._was_ready = True
                self._settle(State.RUNNING, await _ask(self.part.notice))
            elif silent and answered and not self._stopping.is_set():
                self._unresponsive(silent, time.monotonic() - silent_at)
            else:
                back = self.status.state is State.UNRESPONSIVE
                self._set(State.RUNNING if back else self.status.state, note=missing)
            await asyncio.sleep(WATCH_POLL_S if ready else READY_POLL_S)

    def _unresponsive(self, note: str, silent_s: float) -> None:
        """It answered before, and now does not for so long: show it, and in the end kill it."""
        self._set(State.UNRESPONSIVE, note=note)
        if silent_s > self._policy.unresponsive_s:
            self._killed_because = f"did not answer for {silent_s:.0f} s and was killed"
            self._signal(signal.SIGKILL)

    def _on_end(self, task: asyncio.Task[None]) -> None:
        """A bug must end the whole, not leave it waiting for ever; `stop` raises it."""
        if not task.cancelled() and task.exception() is not None:
            self._fail("a bug in the supervisor")

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            if number is signal.SIGKILL:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)

    def _reason(self, code: int) -> str:
        if self._killed_because:
            return self._killed_because
        if code < 0:  # whatever it said before, that is not why
            return f"was ended by {signal.Signals(-code).name}"
        said = self._log.last_error() if code else ""
        return f"ended with code {code}: {said}" if said else f"ended with code {code}"

    def _settle(self, state: State, note: str = "") -> None:
        if self.status.state is not State.STOPPING or state is State.STOPPED:
            self._set(state, note=note)
        self.settled.set()

    def _fail(self, reason: str) -> None:
        self._set(State.FAILED, pid=None, note=reason)
        self.failed.set()
        self.settled.set()

    def _set(self, state: State, **changes: Any) -> None:
        if state in (State.STOPPED, State.DONE):
            changes["pid"] = None
        if state is not self.status.state or changes.get("pid"):
            changes["since"] = time.time()
        status = replace(self.status, state=state, **changes)
        if replace(status, since=0.0) != replace(self.status, since=0.0):
            self.status = status
            self._on_change(status)


async def _ask(probe: Probe | None) -> str:
    return "" if probe is None else await probe()


async def _ended_in_time(task: asyncio.Task[None], hurry: asyncio.Event, grace_s: float) -> bool:
    hurried = asyncio.create_task(hurry.wait())
    await asyncio.wait((task, hurried), timeout=grace_s, return_when=asyncio.FIRST_COMPLETED)
    hurried.cancel()
    return task.done()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
