"""Runs the load generator in a process of its own."""

import json
import subprocess
import sys
from typing import Any

from bench import ROOT
from bench.messages import Expected
from bench.publish import Published


class LoadFailed(Exception):
    """A process of the load generator ended with an error."""


class Tool:
    """`python -m bench.<name>`, which prints JSON in its last line."""

    def __init__(self, name: str, **options: float | str | None) -> None:
        self.name = name
        words = [word for key, value in options.items() if value is not None for word in (f"--{key}", f"{value}")]
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"bench.{name}", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def wait_ready(self) -> None:
        """Wait for the line "ready"."""
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "ready":
            self.result()

    def result(self) -> dict[str, Any]:
        """Wait for its end.

        Raises:
            LoadFailed: with what it said.
        """
        out, err = self._process.communicate()
        if self._process.returncode or not out.strip():
            raise LoadFailed(f"bench.{self.name} ended with {self._process.returncode}:\n{err}")
        return json.loads(out.splitlines()[-1])

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def published(tool: Tool) -> Published:
    """What a publisher did, at its end."""
    result = tool.result()
    result["expected"] = Expected(**result["expected"])
    return Published(**result)


def publish(port: int, messages: int, kind: str = "uniform") -> Published:
    """Publish at full speed and wait until the broker has acknowledged everything."""
    return published(Tool("publish", port=port, messages=messages, kind=kind))
