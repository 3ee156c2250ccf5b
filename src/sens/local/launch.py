"""Become a command that the kernel ends when the process that started it dies, even by `kill -9`.

Run as a script, `python launch.py <parent's pid> <signal> <command…>`: it asks the kernel for the signal
(Linux: PR_SET_PDEATHSIG, which survives exec) and becomes the command, so it costs no process. A script
and not a function between fork and exec, because Python code there can deadlock when there are threads.

The kernel sends the signal when the *thread* that started this process ends, so parts are started by
threads that live as long as the supervisor. Elsewhere than on Linux a part may outlive its supervisor; the
next start ends it (`orphans.py`). Imports only the standard library: it runs before any of ours is found.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def launched(command: Sequence[str], death_signal: signal.Signals = signal.SIGKILL) -> list[str]:
    """The command that runs `command` through this script, as a child of this process."""
    return [sys.executable, "-I", "-S", __file__, f"{os.getpid()}", f"{int(death_signal)}", *command]


def main() -> None:
    parent, death_signal, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != int(parent):
            sys.exit("the supervisor is gone")  # it died before the kernel was asked
    try:
        os.execvp(command[0], command)  # noqa: S606 - a shell is what must not come between
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
