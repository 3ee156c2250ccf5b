"""Runs `sens …` as a person does: in a process of its own, in a folder, with no settings but those given."""

import os
import subprocess
import sys
from pathlib import Path

TIMEOUT_S = 60.0


def environment(**given: str) -> dict[str, str]:
    """The test's environment without SENS_* variables, and those given."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("SENS_")}, **given}


class Sens:
    """`sens` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, stdin: bytes = b"", **given: str) -> subprocess.CompletedProcess[bytes]:
        """Run it to its end; `given` are environment variables."""
        return subprocess.run(
            [sys.executable, "-m", "sens", *arguments],
            input=stdin,
            capture_output=True,
            cwd=self.folder,
            env=environment(**given),
            timeout=TIMEOUT_S,
            check=False,
        )

    def start(self, *arguments: str, **given: str) -> "subprocess.Popen[bytes]":
        """Run it beside the test, its output in pipes."""
        return subprocess.Popen(
            [sys.executable, "-m", "sens", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=environment(**given),
        )
