"""`python -m bench`: measures the product on this machine, prints a table, writes bench/results/latest.json."""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import report
from bench.drains import drain, mixed, replicas
from bench.figures import Context, Outcome
from bench.latency import latency
from bench.live import live
from bench.live_clients import live_clients
from bench.proof import ProofFailed
from bench.stack import Cluster
from bench.startup import start
from bench.window import window

MEASURES: dict[str, Callable[[Context], Outcome]] = {
    "start": start,
    "live": live,
    "drain": drain,
    "latency": latency,
    "live_clients": live_clients,
    "window": window,
    "mixed": mixed,
    "replicas": replicas,
}
BUSY_LOAD = 0.5


def main() -> int:
    """Returns 1 if a proof failed; goals that are not met are told, and no failure."""
    options = _options()
    say, outcomes, started_at = Console(stderr=True).print, dict[str, Outcome](), time.monotonic()
    about: dict[str, Any] = {"machine": report.machine()}
    load = about["machine"]["load_average_before"]
    if load > BUSY_LOAD:
        say(f"[yellow]something else is using this machine (load {load:.1f})[/]")
    folder = Path(tempfile.mkdtemp(prefix="sens-bench-", dir=options.folder))
    try:
        with Cluster(folder) as cluster:
            about["versions"] = report.versions(cluster)
            context = Context(cluster, folder, options.messages, options.live_s, options.latency_s)
            for name in options.only:
                say(f"{time.monotonic() - started_at:4.0f} s  {name} …")
                outcomes[name] = MEASURES[name](context)
    except ProofFailed as error:
        say(f"[red]proof failed:[/] {error}\nlogs: {folder}")
        return 1
    shutil.rmtree(folder)
    about["seconds"] = round(time.monotonic() - started_at)
    report.save(options.output, about, outcomes)
    lines = [line for outcome in outcomes.values() for line in outcome.lines]
    report.show(f"{about['seconds']} s; all counts proved; everything seen: {options.output}", lines)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench", description=__doc__)
    parser.add_argument("--only", type=_names, default=list(MEASURES), help="some of " + ",".join(MEASURES))
    parser.add_argument("--messages", type=int, default=1_000_000, help="of the drain; the others in proportion")
    parser.add_argument("--live-s", type=float, default=25.0, help="how long live goes on")
    parser.add_argument("--latency-s", type=float, default=15.0, help="how long latency and live_clients go on")
    parser.add_argument("--quick", action="store_true", help="little of each: shows that it works, not how fast")
    parser.add_argument("--folder", help="where the servers' data goes; default: the system's temporary folder")
    parser.add_argument("--output", type=Path, default=report.RESULTS / "latest.json", help="the file of results")
    options = parser.parse_args()
    if options.quick:
        options.messages, options.live_s, options.latency_s = 20_000, 2.0, 2.0
    return options


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - MEASURES.keys():
        raise argparse.ArgumentTypeError(f"no such measure: {', '.join(sorted(unknown))}")
    return names


if __name__ == "__main__":
    sys.exit(main())
