"""The process as it is deployed."""

import os
import sys
from pathlib import Path

import httpx

from database_roles import NAMES, make_roles, url_as
from sens.storage.migrate import migrate
from sens.storage.privileges import Role
from servers import Nats, Process, free_port, wait_until

CONFIGURATION = """
sources: [{name: plant-a, broker: "mqtt://127.0.0.1", topics: [{topic: "{device}/#", decoder: json}]}]
"""


class TelemetryWorker(Process):
    def __init__(self, folder: Path, database_url: str, nats_url: str) -> None:
        super().__init__(folder, "telemetry-worker")
        self.ops_port = free_port()
        configuration = folder / "sens.yaml"
        configuration.write_text(CONFIGURATION)
        self.environment = {
            **os.environ,
            "SENS_CONFIG": str(configuration),
            "SENS_DATABASE_URL": database_url,
            "SENS_NATS_URL": nats_url,
            "SENS_OPS_PORT": str(self.ops_port),
            "SENS_LOG_FORMAT": "json",
            "SENS_MAINTENANCE_EVERY_S": "0.1",
            "SENS_RAW_STREAM_MAX_BYTES": f"{64 * 1024 * 1024}",
        }

    def command(self) -> list[str]:
        return [sys.executable, "-m", "sens", "telemetry-worker"]

    def ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.ops_port}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def leads(self) -> bool:
        return "sens_telemetry_leader 1.0" in httpx.get(f"http://127.0.0.1:{self.ops_port}/metrics").text


def test_it_starts_before_its_schema_and_waits_for_it(
    tmp_path: Path, empty_database_url: str, nats_server: Nats
) -> None:
    make_roles(empty_database_url)
    worker = TelemetryWorker(tmp_path, url_as(Role.WRITER, empty_database_url), nats_server.url)
    worker.spawn()
    try:
        wait_until(lambda: "run `sens migrate`" in worker.log_tail(), what="maintenance to ask for the migration")
        assert worker.running
        migrate(url_as(Role.OWNER, empty_database_url), roles=NAMES)
        wait_until(worker.ready, what="the worker to be ready")
        wait_until(worker.leads, what="the worker to lead")
        assert worker.stop() == 0
    finally:
        worker.kill()
