"""`python -m bench.files`: a month of 1,000 series into a file and back, and the memory that it takes.

Two months are loaded by SQL, a reading of each series every ten minutes. One month and both are exported by
`sens export`: what streams takes no more memory for twice as many. Then the month of a tenth of the series, in which
each reading is a ten-minute bucket of its own, and a file with a reading every ten seconds are imported, through the
log and the telemetry worker.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench import report
from bench.figures import Line, Outcome, per_second
from bench.loading import DAY_US
from bench.stack import HOST, Cluster, Stack, start_together
from sens.storage.connection import connect
from sens.storage.partitions import ensure_partitions

SERIES = 1_000
INTERVAL_S = 600
DAYS = 30
FINE_READINGS, FINE_DEVICES = 500_000, 50
READINGS = SERIES * DAYS * 86_400 // INTERVAL_S
SOURCE = "large"
MAKE_SERIES = """
WITH tenant AS (INSERT INTO tenant (name) VALUES ('default') RETURNING id),
     source AS (INSERT INTO source (tenant_id, name) SELECT id, %(source)s FROM tenant RETURNING id),
     device AS (INSERT INTO device (source_id, name)
                SELECT id, 'device-' || n FROM source, generate_series(1, %(series)s) AS n RETURNING id)
INSERT INTO series (device_id, metric, kind) SELECT id, 'm' || id %% 10, 0 FROM device
"""
MAKE_READINGS = """
INSERT INTO reading
SELECT s.id, t, round((20 + 5 * sin(extract(epoch FROM t) / 40000 + s.id))::numeric, 2)
FROM series s CROSS JOIN generate_series(
    to_timestamp(%(start)s), to_timestamp(%(end)s - %(step)s), make_interval(secs => %(step)s)
) AS t
ORDER BY s.id, t
"""


class Run(NamedTuple):
    """A command: how long it took, and the most memory that it and the API held, in MB."""

    seconds: float
    command_mb: float
    api_mb: float


class Files:
    """The API and a telemetry worker on a database with two months of readings."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.api = stack.api()
        self.telemetry = stack.telemetry()
        self.end_s = int(time.time()) // INTERVAL_S * INTERVAL_S

    def fill(self) -> None:
        """Load the readings, and start what asks for them."""
        start_s = self.end_s - 2 * DAYS * 86_400
        with connect(self.stack.database_url, application_name="bench", autocommit=True) as database:
            ensure_partitions(database, "reading", np.arange(start_s * 10**6, self.end_s * 10**6, DAY_US))
        with self.stack.database() as database:
            database.execute(MAKE_SERIES, {"source": SOURCE, "series": SERIES})
            database.execute(MAKE_READINGS, {"start": start_s, "end": self.end_s, "step": INTERVAL_S})
            database.execute("VACUUM ANALYZE")
        start_together(self.api, self.telemetry)

    def export(self, file: Path, days: int, *which: str) -> Run:
        start, end = (f"{np.datetime64(at, 's')}Z" for at in (self.end_s - days * 86_400, self.end_s))
        return self._run("export", "-o", f"{file}", "--source", SOURCE, "--from", start, "--to", end, *which)

    def import_(self, file: Path) -> Run:
        return self._run("import", f"{file}", "--devices-of", "=copy")

    def _run(self, *arguments: str) -> Run:
        Path(f"/proc/{self.api.pid}/clear_refs").write_text("5")  # the peak counts from now on
        command = [sys.executable, "-m", "sens", *arguments, "--url", f"http://{HOST}:{self.api.port}"]
        started = time.monotonic()
        process = subprocess.Popen([*command, "--api-key-file", f"{self.api.key_file}"], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        if status:
            raise RuntimeError(f"{' '.join(arguments)} ended with {os.waitstatus_to_exitcode(status)}")
        return Run(round(seconds, 1), round(usage.ru_maxrss / 1024), round(peak_mb(self.api.pid)))


def peak_mb(pid: int) -> float:
    """The most memory that a process held, since it began or its `clear_refs` was written to."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def measure(files: Files, folder: Path) -> Outcome:
    """Exports of one and of two months, in both formats; then an import."""
    lines, raw = list[Line](), dict[str, Any]()
    for form in ("csv", "parquet"):
        for months in (1, 2):
            file = folder / f"{months}.{form}"
            run, name = files.export(file, months * DAYS), f"export {months} month {form}"
            raw[name] = run._asdict() | {"bytes": file.stat().st_size}
            lines.append(Line(f"{name}, readings a second", per_second(months * READINGS, run.seconds), ""))
            lines.append(Line("… most memory of the command and of the API", run.command_mb + run.api_mb, "MB"))
    coarse, fine = folder / "coarse.csv", folder / "fine.csv"
    files.export(coarse, DAYS, "--metric", "m1")
    write_fine(fine, files.end_s)
    for file, readings, every in ((coarse, READINGS / 10, "10 min"), (fine, FINE_READINGS, "10 s")):
        meter = files.stack.meter()
        with meter:
            run = files.import_(file)
        memory = {name: used.peak for name, used in meter.memory.items()}
        raw[f"import every {every}"] = run._asdict() | {"cpu_s": meter.cpu_s, "memory": memory}
        lines.append(Line(f"import csv, every {every}, readings a second", per_second(readings, run.seconds), ""))
        lines.append(Line("… most memory of the command and of the API", run.command_mb + run.api_mb, "MB"))
    return Outcome(lines, raw)


def write_fine(file: Path, end_s: int) -> None:
    """Of 50 devices, a reading every ten seconds."""
    steps = FINE_READINGS // FINE_DEVICES
    with file.open("w") as out:
        out.write("time,device,metric,value\n")
        for device in range(FINE_DEVICES):
            out.writelines(f"{end_s - 10 * (steps - n)},fine-{device},level,{n / 8}\n" for n in range(steps))


def main() -> int:
    parser = argparse.ArgumentParser("python -m bench.files", description=__doc__)
    parser.add_argument("--folder", help="where the data goes; default: the system's temporary folder")
    parser.add_argument("--output", type=Path, default=report.RESULTS / "files.json", help="the file of results")
    options = parser.parse_args()
    about: dict[str, Any] = {"machine": report.machine()}
    with tempfile.TemporaryDirectory(prefix="sens-bench-files-", dir=options.folder) as name:
        folder = Path(name)
        (folder / "stack").mkdir()
        with Cluster(folder) as cluster, Stack(cluster, folder / "stack") as stack:
            about["versions"] = report.versions(cluster)
            files = Files(stack)
            files.fill()
            outcome = measure(files, folder)
    report.save(options.output, about, {"files": outcome})
    report.show(f"files; everything seen: {options.output}", outcome.lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
