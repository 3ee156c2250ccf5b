"""Processes that an earlier life of the stack left behind: found by their pid files, and ended.

On Linux the kernel ends most parts with their supervisor (`launch.py`), but a server that was told to
stop may still be writing; elsewhere they simply go on. Either way nothing new starts on their data
before they are gone. A pid may by now be somebody else's, so the command has to match as well.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

POLL_S = 0.02
KILL_AFTER_S = 20.0


def record(pid_file: Path, pid: int, command: Sequence[str], stop_signal: signal.Signals) -> None:
    """Note a process that was started, and how to end it."""
    pid_file.write_text(json.dumps({"pid": pid, "command": " ".join(command), "signal": int(stop_signal)}))


def end_orphans(folder: Path) -> list[str]:
    """End every recorded process that still runs, all at once, and wait until they are gone.

    Returns:
        The names of those that had to be ended.
    """
    orphans: dict[str, tuple[int, str]] = {}
    for pid_file in sorted(folder.glob("*.pid")):
        noted = _read(pid_file)
        if noted and _runs(noted[0], noted[1]):
            orphans[pid_file.stem] = noted[:2]
            _signal(noted[0], noted[2])
    for pid, command in orphans.values():
        _wait_until_gone(pid, command)
    for pid_file in folder.glob("*.pid"):
        pid_file.unlink()
    return list(orphans)


def command_of(pid: int) -> str:
    """The words of a running process's command, joined by spaces; "" if there is none, or only its remains."""
    proc = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self").exists():
        try:
            return proc.read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    shown = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip()


def _read(pid_file: Path) -> tuple[int, str, int] | None:
    try:
        noted = json.loads(pid_file.read_text())
        return int(noted["pid"]), str(noted["command"]), int(noted["signal"])
    except (ValueError, KeyError, TypeError):
        return None  # cut off while it was written


def _runs(pid: int, command: str) -> bool:
    # Launchers replace themselves by what follows them, so what runs is the end of what was started.
    running = command_of(pid)
    return bool(running) and command.endswith(running)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended by itself
        os.kill(pid, number)


def _wait_until_gone(pid: int, command: str) -> None:
    kill_at = time.monotonic() + KILL_AFTER_S
    while _runs(pid, command):
        if time.monotonic() > kill_at:
            _signal(pid, signal.SIGKILL)
            kill_at = float("inf")
        time.sleep(POLL_S)
