"""The platform on real servers for one measurement: as it ships, in a folder of its own."""

import os
import secrets
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg
from psycopg import sql

from bench.messages import SOURCE
from bench.usage import Meter
from sens.local.postgres import SETTINGS
from servers import Mosquitto, Nats, Postgres, Process, free_port, wait_until

HOST = "127.0.0.1"
# mosquitto as it comes, but for its queue. The tests save it to disk each second, which with a million
# messages in the queue is all that it would do.
MOSQUITTO = "autosave_interval 1800"
PLACE = ("listen_addresses", "unix_socket_directories")
TEMPLATE = "sens_bench"

RULE = f'topic: "{SOURCE}/{{device}}/telemetry", decoder: json'
UNIFORM_RULE = f"{{{RULE}}}"
MIXED_RULE = f"{{{RULE}, time: {{field: ts, format: auto, missing: receive_time}}}}"
CONFIGURATION = """\
sources:
  - name: {name}
    broker: mqtt://{host}:{port}
    topics:
      - {rule}
"""

Database = psycopg.Connection[tuple[Any, ...]]


class Cluster:
    """One PostgreSQL, as `sens up` runs it, with a migrated database to copy."""

    def __init__(self, folder: Path) -> None:
        options = tuple(f"{name}={value}" for name, value in SETTINGS.items() if name not in PLACE)
        self.server = Postgres(folder / "postgres", options)

    def __enter__(self) -> "Cluster":
        self.server.start()
        with self.connect() as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        environment = _environment(SENS_DATABASE_URL=self.server.url(TEMPLATE))
        subprocess.run([sys.executable, "-m", "sens", "migrate"], env=environment, check=True, capture_output=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.kill()

    def make_database(self) -> str:
        """A copy of the migrated database; returns its name."""
        name = f"bench_{secrets.token_hex(4)}"
        with self.connect() as admin:
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(TEMPLATE))
            )
        return name

    def drop_database(self, name: str) -> None:
        """Drop it, and write out what is dirty: the next measurement shall not pay for it."""
        with self.connect() as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            admin.execute("CHECKPOINT")

    def connect(self, database: str = "postgres") -> Database:
        return psycopg.connect(self.server.url(database), autocommit=True)


class Worker(Process):
    """One deployable, by its command."""

    def __init__(self, folder: Path, deployable: str, name: str, settings: dict[str, str]) -> None:
        super().__init__(folder, name)
        self.deployable = deployable
        self.ops_port = free_port()
        self.environment = _environment(
            **settings, SENS_OPS_PORT=f"{self.ops_port}", SENS_INSTANCE=name, SENS_LOG_FORMAT="json"
        )

    def command(self) -> list[str]:
        return [sys.executable, "-m", "sens", self.deployable]

    def ready(self) -> bool:
        return self._get("readyz") is not None

    def metric(self, name: str) -> float:
        """The sum of a metric over all its labels; 0 while the process does not answer."""
        lines = (self._get("metrics") or "").splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    def metrics(self, prefix: str) -> dict[str, float]:
        """Sums and counts of the histograms whose names start so."""
        lines = [line for line in (self._get("metrics") or "").splitlines() if line.startswith(prefix)]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines) if "_bucket{" not in name}

    def errors(self) -> list[str]:
        """Logged errors."""
        lines = self.log_path.read_text(errors="replace").splitlines()
        return [line for line in lines if '"level":"error"' in line.replace(" ", "") or "Traceback" in line]

    def _get(self, path: str) -> str | None:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.ops_port}/{path}", timeout=5) as answer:
                return answer.read().decode()
        except OSError:  # urllib's errors, for an answer of 503 as well
            return None


class Api(Worker):
    """`sens platform-api`, with a key of its own.

    Attributes:
        port: of the API.
        key, key_file: an admin's.
    """

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.port, self.key = free_port(), f"sens_{secrets.token_urlsafe(30)}"
        folder.mkdir(parents=True, exist_ok=True)
        self.key_file = folder / "admin-api-key"
        self.key_file.touch(0o600)
        self.key_file.write_text(self.key)
        of_its_own = {
            "SENS_API_HOST": HOST,
            "SENS_API_PORT": f"{self.port}",
            "SENS_ADMIN_API_KEY_FILE": f"{self.key_file}",
        }
        super().__init__(folder, "platform-api", "api-0", settings | of_its_own)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/api/v1"


class Stack:
    """mosquitto, NATS and a database, all empty; the workers are started by the measurement."""

    def __init__(self, cluster: Cluster, folder: Path, rule: str = UNIFORM_RULE) -> None:
        self.cluster = cluster
        self.folder = folder
        self.rule = rule
        self.nats = Nats(folder / "nats")
        self.broker = Mosquitto(folder / "mosquitto", MOSQUITTO)
        self.workers = list[Worker]()

    def __enter__(self) -> "Stack":
        self._name = self.cluster.make_database()
        self.nats.start()
        self.broker.start()
        self.configure(self.broker.port)
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        for process in (*self.workers, self.broker, self.nats):
            process.kill()
        self.cluster.drop_database(self._name)
        if kind is None:
            shutil.rmtree(self.folder)

    def configure(self, broker_port: int) -> None:
        """Write the sens.yaml with this broker; before workers start."""
        text = CONFIGURATION.format(name=SOURCE, host=HOST, port=broker_port, rule=self.rule)
        (self.folder / "sens.yaml").write_text(text)

    def worker(self, deployable: str, name: str) -> Worker:
        """Make a worker, not started."""
        self.workers.append(Worker(self.folder / name, deployable, name, self._settings))
        return self.workers[-1]

    @property
    def _settings(self) -> dict[str, str]:
        return _settings(self.folder / "sens.yaml", self.database_url, self.nats)

    def ingestion(self) -> Worker:
        return self.worker("mqtt-ingestion-worker", "ingestion-0")

    def telemetry(self, ordinal: int = 0) -> Worker:
        return self.worker("telemetry-worker", f"telemetry-{ordinal}")

    def api(self) -> Api:
        api = Api(self.folder / "api-0", self._settings)
        self.workers.append(api)
        return api

    @property
    def database_url(self) -> str:
        return self.cluster.server.url(self._name)

    def database(self) -> Database:
        return self.cluster.connect(self._name)

    def stop_workers(self) -> None:
        """Let them finish: what is committed gets acknowledged, latest values get written."""
        with ThreadPoolExecutor() as pool:
            codes = list(pool.map(Worker.stop, self.workers))
        for worker, code in zip(self.workers, codes, strict=True):
            if code:
                raise RuntimeError(f"{worker.name} ended with {code}:\n{worker.log_tail()}")

    def meter(self) -> Meter:
        """Of all that runs: by name, and "postgres"."""
        processes: Sequence[Process] = (*self.workers, self.broker, self.nats, self.cluster.server)
        return Meter({process.name: process.pid for process in processes if process.running})


@contextmanager
def lonely_api(folder: Path, database_url: str) -> Generator[Api]:
    """An API that serves a database within the block, with NATS beside it, which it wants for its readiness."""
    nats = Nats(folder / "nats")
    nats.start()
    configuration = folder / "sens.yaml"
    configuration.write_text(CONFIGURATION.format(name=SOURCE, host=HOST, port=1883, rule=UNIFORM_RULE))
    api = Api(folder / "api-0", _settings(configuration, database_url, nats))
    try:
        api.start()
        yield api
    finally:
        api.kill()
        nats.kill()


def _settings(configuration: Path, database_url: str, nats: Nats) -> dict[str, str]:
    """What every deployable is told."""
    return {"SENS_CONFIG": f"{configuration}", "SENS_DATABASE_URL": database_url, "SENS_NATS_URL": nats.url}


def start_together(*workers: Worker) -> None:
    """Start workers and wait until all are ready."""
    for worker in workers:
        worker.spawn()
    for worker in workers:
        wait_until(worker.ready, what=f"{worker.name} to be ready")


def wait_connected(ingestion: Worker) -> None:
    """Wait until the worker has subscribed."""
    wait_until(lambda: ingestion.metric("sens_ingestion_connected") == 1, what="the ingestion worker to connect")


def _environment(**settings: str) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("SENS_")}
    return inherited | settings
