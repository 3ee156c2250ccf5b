"""Wires `sens simulate`: signals, progress on standard error, the result on standard output."""

import asyncio
import json
import signal
import sys
from dataclasses import asdict

from sens.domain.errors import Retry
from sens.runtime.exits import ExitCode
from sens.simulator.settings import SimulatorSettings
from sens.simulator.simulation import SimulatorReport, simulate


def main(settings: SimulatorSettings, *, as_json: bool = False) -> int:
    """Simulate until done or stopped by SIGTERM or SIGINT.

    Returns:
        The exit code: UNAVAILABLE when not all messages were sent, or the broker did not acknowledge them.

    Raises:
        Retry: no broker was ever reached.
    """
    report = asyncio.run(_run(settings))
    print(json.dumps(asdict(report)) if as_json else _line(report), flush=True)
    if report.problem and not report.sent:
        raise Retry(f"nothing was sent: {report.problem}; check --broker")
    gave_up = report.problem and report.sent < (settings.messages or 0)
    return ExitCode.UNAVAILABLE if gave_up or report.acknowledged < report.sent else ExitCode.OK


async def _run(settings: SimulatorSettings) -> SimulatorReport:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    return await simulate(settings, stopping, _Progress().show)


class _Progress:
    """At a terminal a line that is kept up to date; elsewhere a line when the connection comes or goes."""

    def __init__(self) -> None:
        self._problem = ""

    def show(self, report: SimulatorReport) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{_line(report)}", end="", file=sys.stderr, flush=True)
        elif report.problem != self._problem:
            print(report.problem or "connected", file=sys.stderr, flush=True)
        self._problem = report.problem


def _line(report: SimulatorReport) -> str:
    rate = report.sent / report.elapsed_s if report.elapsed_s else 0.0
    line = (
        f"sent {report.sent}, acknowledged {report.acknowledged}, {rate:.0f} messages/s, reconnects {report.reconnects}"
    )
    return f"{line} ({report.problem})" if report.problem else line
