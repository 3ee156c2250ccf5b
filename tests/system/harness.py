"""The whole platform on real servers, in one folder: each part can be killed, stopped and started again.

Imports nothing of the product. It is run as a user runs it, by its commands, and watched from outside.
"""

import contextlib
import json
import os
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psycopg

from command_line import Sens
from servers import Mosquitto, Nats, Postgres, Process, children, free_port, wait_until
from system.sender import Sender

DRAIN_TIMEOUT_S = 60.0
# NATS refuses a limit beyond three quarters of the disk's free space.
RAW_STREAM_MAX_BYTES = 1024 * 1024 * 1024
HOST = "127.0.0.1"
DATABASE = "sens"
ROLES = ("owner", "writer", "reader", "backup", "monitor")
ROLE_OF = {"telemetry-worker": "writer", "platform-api": "reader"}
"""Which database role a deployable is; who is not here does without a database."""
OWNED, CONNECTED, LEADS = "sens_ingestion_owned", "sens_ingestion_connected", "sens_telemetry_leader"


def get_json(
    url: str, headers: dict[str, str] | None = None, timeout_s: float = 10.0, body: dict[str, Any] | None = None
) -> Any:
    """The body of an answer with status 200, to a POST where a body is given."""
    data = None if body is None else json.dumps(body).encode()
    headers = {**(headers or {}), **({} if body is None else {"Content-Type": "application/json"})}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=timeout_s) as answer:
        return json.load(answer)


class Worker(Process):
    """One deployable, by its command.

    Attributes:
        peak_memory_mb: the most resident memory that a life of the process had, as far as it was looked at:
            at each kill and stop, and by `look_at_memory()`.
    """

    def __init__(self, folder: Path, deployable: str, name: str, settings: dict[str, str]) -> None:
        super().__init__(folder, name)
        self.deployable = deployable
        self.settings = settings
        self.ops_port = 0
        self.peak_memory_mb = 0.0

    def command(self) -> list[str]:
        return [sys.executable, "-m", "sens", self.deployable]

    def spawn(self) -> None:
        self.ops_port = free_port()
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("SENS_")}
        own = {"SENS_OPS_PORT": f"{self.ops_port}", "SENS_INSTANCE": self.name, "SENS_LOG_FORMAT": "json"}
        self.environment = inherited | own | self.settings
        super().spawn()

    def ready(self) -> bool:
        try:
            urllib.request.urlopen(f"http://{HOST}:{self.ops_port}/readyz", timeout=2).close()
        except OSError:  # urllib's errors, for an answer of 503 as well
            return False
        return True

    def metric(self, name: str) -> float:
        """The sum of a metric over all its labels; 0 while the process does not answer."""
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.ops_port}/metrics", timeout=2) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return 0.0
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    def kill(self) -> None:
        self.look_at_memory()
        super().kill()

    def stop(self, timeout_s: float = 20, number: int = signal.SIGTERM) -> int | None:
        self.look_at_memory()
        return super().stop(timeout_s, number)

    def look_at_memory(self) -> None:
        """Note this life's peak, if it lives."""
        if not self.running:
            return
        for pid in (self.pid, *children(self.pid)):  # a child where another command runs ours
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text().splitlines()
                peaks = [int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")]
                self.peak_memory_mb = max([self.peak_memory_mb, *peaks])

    def failures(self) -> list[str]:
        """Log lines that tell of a bug: errors, and tracebacks."""
        lines = self.log_path.read_text(errors="replace").splitlines() if self.log_path.exists() else []
        return [line for line in lines if '"level":"error"' in line.replace(" ", "") or "Traceback" in line]


class Stack:
    """mosquitto, NATS, PostgreSQL and the deployables.

    Attributes:
        config: the sens.yaml; write it before the workers start. `write_config()` writes the usual one.
        workers: all that were made, running or not.
        expected_errors: events that the test means workers to log as errors.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.config = folder / "sens.yaml"
        self.postgres = Postgres(folder / "postgres")
        self.nats = Nats(folder / "nats")
        self.broker = Mosquitto(folder / "mosquitto")
        self.workers: list[Worker] = []
        self.expected_errors: set[str] = set()
        self.settings = {
            "SENS_CONFIG": f"{self.config}",
            "SENS_NATS_URL": self.nats.url,
            "SENS_LEASE_TTL_S": "2",
            "SENS_ACK_WAIT_S": "3",
            "SENS_RAW_STREAM_MAX_BYTES": f"{RAW_STREAM_MAX_BYTES}",
            **settings,
        }
        self.api_key_file = folder / "admin-api-key"
        self.api_port = free_port()

    # --- starting

    def start_servers(self, template: Path) -> None:
        """Start the servers on a copy of a migrated database (`migrated_database`)."""
        shutil.copytree(template, self.postgres.data, symlinks=True)
        for server in (self.postgres, self.nats, self.broker):
            server.start()

    def write_config(self, *sources: str) -> None:
        self.config.write_text("sources:\n" + "".join(sources or (source("line", self.broker.port),)))

    def worker(self, deployable: str, name: str, **settings: str) -> Worker:
        """One more replica, not started."""
        database = {"SENS_DATABASE_URL": url_as(ROLE_OF[deployable], self.postgres)} if deployable in ROLE_OF else {}
        worker = Worker(self.folder / name, deployable, name, self.settings | database | settings)
        self.workers.append(worker)
        return worker

    def ingestion(self, ordinal: int = 0) -> Worker:
        return self.worker("mqtt-ingestion-worker", f"ingestion-{ordinal}")

    def telemetry(self, ordinal: int = 0) -> Worker:
        return self.worker("telemetry-worker", f"telemetry-{ordinal}")

    def api(self) -> Worker:
        self.api_key_file.write_text("sens_" + "0123456789abcdef" * 3)
        self.api_key_file.chmod(0o600)
        return self.worker(
            "platform-api",
            "api-0",
            SENS_API_HOST=HOST,
            SENS_API_PORT=f"{self.api_port}",
            SENS_ADMIN_API_KEY_FILE=f"{self.api_key_file}",
        )

    def running(self, deployable: str) -> list[Worker]:
        return [worker for worker in self.workers if worker.deployable == deployable and worker.running]

    def close(self) -> None:
        """End everything at once."""
        for process in (*self.workers, self.broker, self.nats, self.postgres):
            process.signal(signal.SIGCONT)
            process.kill()

    # --- looking at it

    def database(self) -> "psycopg.Connection[tuple[Any, ...]]":
        return psycopg.connect(self.postgres.url(DATABASE), autocommit=True)

    def ledger(self) -> dict[str, Any]:
        """The ledger as the API tells it."""
        return get_json(self._api_url("/api/v1/ledger"), self._api_headers())

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What the API answers to a POST; asked again while it says that it cannot now, as it tells clients to."""
        give_up_at = time.monotonic() + DRAIN_TIMEOUT_S
        while True:
            try:
                return get_json(self._api_url(path), self._api_headers(), timeout_s=60.0, body=body)
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > give_up_at:
                    raise
            time.sleep(0.5)

    def _api_url(self, path: str) -> str:
        return f"http://{HOST}:{self.api_port}{path}"

    def _api_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key_file.read_text().strip()}"}

    def streams(self) -> list[dict[str, Any]]:
        """What NATS itself says about its streams and their consumers."""
        url = f"http://{HOST}:{self.nats.monitor_port}/jsz?streams=1&consumers=1&config=1"
        accounts = get_json(url).get("account_details") or []
        return [stream for account in accounts for stream in account.get("stream_detail") or []]

    def raw_stream(self) -> dict[str, Any]:
        return next(stream for stream in self.streams() if stream["name"] == "SENS_RAW")

    def pending_envelopes(self) -> int:
        """Envelopes that are not yet stored and acknowledged."""
        consumers = self.raw_stream().get("consumer_detail") or []
        return sum(one["num_pending"] + one["num_ack_pending"] for one in consumers)

    def wait_for_servers(self) -> None:
        """Those that were started without waiting may be recovering yet."""
        for server in (self.postgres, self.nats, self.broker):
            wait_until(server.ready, what=f"{server.name} to answer")

    def assert_no_worker_failed(self) -> None:
        """Workers may run, be killed by the test (-9) or have drained (0)."""
        for worker in self.workers:
            code = worker.process.poll() if worker.process else None
            assert code in (None, 0, -signal.SIGKILL), f"{worker.name} ended with {code}:\n{worker.log_tail()}"

    def wait_for_drain(self, timeout_s: float = DRAIN_TIMEOUT_S) -> None:
        """Wait until the log has nothing that is not stored."""

        def is_drained() -> bool:
            self.assert_no_worker_failed()
            return self.pending_envelopes() == 0

        wait_until(is_drained, timeout_s, "the raw stream to be stored")


@dataclass(frozen=True, slots=True)
class Line:
    """The usual platform under load: one worker of each kind, one source, one sender.

    Attributes:
        away_s: how long a server is away where the fault is that it is away.
    """

    stack: Stack
    ingestion: Worker
    telemetry: Worker
    api: Worker
    sender: Sender
    away_s: float


def the_one(workers: list[Worker], metric: str) -> Worker:
    """The running worker whose gauge is 1; waits until there is one."""
    found: list[Worker] = []

    def is_there() -> bool:
        found[:] = [worker for worker in workers if worker.running and worker.metric(metric) == 1]
        return bool(found)

    wait_until(is_there, what=f"a worker with {metric} 1")
    return found[0]


@dataclass(frozen=True, slots=True)
class Delivery:
    """How messages come: with which QoS they are sent and received, and by which MQTT the worker speaks."""

    qos: int = 1
    mqtt_version: str = "5"

    def __str__(self) -> str:
        return f"QoS {self.qos}, MQTT {self.mqtt_version}"

    @property
    def options(self) -> str:
        """A source's lines in sens.yaml."""
        return f"    qos: {self.qos}\n    mqtt_version: {self.mqtt_version}\n"


OTHER_DELIVERIES = [Delivery(qos=2), Delivery(mqtt_version="3.1.1")]
EVERY_DELIVERY = [Delivery(), *OTHER_DELIVERIES]


def source(name: str, port: int, more: str = "") -> str:
    """A source in sens.yaml. Its topics are `<name>/timed/<device>`, whose payloads bear their own time,
    and `<name>/timeless/<device>`; of a message, `n` and `x` are stored."""
    fields = "fields: [n, x]"
    return f"""\
  - name: {name}
    broker: mqtt://{HOST}:{port}
{more}\
    topics:
      - {{topic: "{name}/timed/{{device}}", decoder: json, {fields}, time: {{field: ts, format: us}}}}
      - {{topic: "{name}/timeless/{{device}}", decoder: json, {fields}}}
"""


def url_as(role: str, server: Postgres) -> str:
    """The platform's database as one of its roles sees it."""
    return f"postgresql://sens_{role}:{role}-password@{HOST}:{server.port}/{DATABASE}"


def migrated_database(folder: Path) -> Path:
    """The data folder of a stopped PostgreSQL that has our roles and our schema, made as an installation makes them."""
    server = Postgres(folder)
    server.start()
    given: dict[str, Any] = {f"SENS_DATABASE_{role.upper()}_ROLE": f"sens_{role}" for role in ROLES}
    given |= {f"SENS_DATABASE_{role.upper()}_PASSWORD": f"{role}-password" for role in ROLES}
    try:
        for url, options in ((server.url(DATABASE), ["--create-roles"]), (url_as("owner", server), [])):
            done = Sens(folder)("migrate", *options, SENS_DATABASE_URL=url, **given)
            assert done.returncode == 0, f"`sens migrate` ended with {done.returncode}:\n{done.stderr.decode()}"
    finally:
        assert server.stop() == 0
    return server.data
