"""`sens up`: the whole platform on this machine, until it is told to stop."""

import asyncio
import contextlib
import signal
from collections.abc import Callable

from sens.domain.errors import Fatal
from sens.local import orphans
from sens.local.data_dir import DataDir
from sens.local.part import RestartPolicy, Status
from sens.local.rates import Rates
from sens.local.stack import Stack, UpOptions, plan_stack
from sens.local.supervisor import Supervisor
from sens.local.table import View, choose_view
from sens.runtime.exits import ExitCode

TICK_S = 1.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def up(
    options: UpOptions,
    plan: Callable[[UpOptions, DataDir], Stack] = plan_stack,
    policy: RestartPolicy | None = None,
) -> int:
    """Run the stack until SIGINT, SIGTERM or SIGHUP, then drain and stop it.

    Returns:
        The exit code.

    Raises:
        Fatal: it cannot be started: a port or the data folder is in use, or a part failed for good.
    """
    data_dir = DataDir(options.data_dir)
    data_dir.create()
    with data_dir.locked():
        orphans.end_orphans(data_dir.pids)
        stack = plan(options, data_dir)
        failures = asyncio.run(_run(stack, data_dir, choose_view(stack.hints, as_json=options.as_json), policy))
    if failures:
        reasons = "; ".join(f"{status.name} {status.note}" for status in failures)
        raise Fatal(f"{reasons}. More in {data_dir.logs}/{failures[0].name}.log")
    return ExitCode.OK


async def _run(stack: Stack, data_dir: DataDir, view: View, policy: RestartPolicy | None) -> list[Status]:
    stopping = asyncio.Event()

    def changed(status: Status) -> None:
        with contextlib.suppress(OSError):  # the terminal is gone: nobody looks, but the drain goes on
            view.changed(status)

    supervisor = Supervisor(stack.stages, data_dir, changed, policy)

    def stop() -> None:
        if stopping.is_set():
            supervisor.hurry()
        stopping.set()

    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop)
    ticks = asyncio.create_task(_tick(supervisor, Rates([*stack.counted]), view))
    login = asyncio.create_task(_tell_login(stack, view))
    try:
        return await supervisor.run(stopping)
    finally:
        ticks.cancel()
        login.cancel()
        with contextlib.suppress(OSError):
            view.tick(supervisor.statuses(), {})
            view.close()


async def _tell_login(stack: Stack, view: View) -> None:
    """Show a link to log in, once the API answers."""
    link = None if stack.make_login_link is None else await stack.make_login_link()
    if link is not None:
        with contextlib.suppress(OSError):
            view.login(link)


async def _tick(supervisor: Supervisor, rates: Rates, view: View) -> None:
    while True:
        with contextlib.suppress(OSError):
            view.tick(supervisor.statuses(), await rates.look())
        await asyncio.sleep(TICK_S)
