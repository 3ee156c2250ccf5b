"""The last resort against a process that will not end."""

import os
import sys
import threading

from sens.runtime.exits import ExitCode


class HardExit:
    """Ends the process from a thread of its own, for when the event loop is stuck and a drain has
    no way to notice. A handler that hangs must not hold a pod until it is killed without a word."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None

    def arm(self, delay_s: float, code: ExitCode) -> None:
        """Exit with `code` after `delay_s`, unless armed again or disarmed before."""
        self.disarm()
        self._timer = threading.Timer(delay_s, _exit, (code,))
        self._timer.daemon = True
        self._timer.start()

    def disarm(self) -> None:
        if self._timer:
            self._timer.cancel()


def _exit(code: ExitCode) -> None:
    print(f"sens: the event loop does not end: exit at once with code {int(code)}", file=sys.stderr, flush=True)
    os._exit(code)
