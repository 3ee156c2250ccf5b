"""The telemetry worker's decoding and storing, in this process, on a database that a test may set back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import SecretStr

from database_roles import url_as
from sens.decoders.registry import DECODERS
from sens.decoding.messages import Arrival
from sens.sources import parse
from sens.storage.connection import connect
from sens.storage.privileges import Role
from sens.stream.raw import RawStream
from sens.telemetry_worker.settings import TelemetrySettings
from sens.telemetry_worker.worker import Worker

CONFIGURATION = """
sources:
  - name: plant
    broker: mqtt://127.0.0.1
    topics:
      - {topic: "s/{device}/t", decoder: json}
      - {topic: "p/{device}/{metric}", decoder: plain}
"""


@dataclass
class _Stream:
    epoch: bytes = b"12345678"


class House:
    """A migrated database and workers on it, who connect as the writer."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection = connect(url, application_name="test", autocommit=True)
        self._workers = list[Worker]()

    def worker(self, configuration: str = CONFIGURATION, stream: RawStream | None = None) -> Worker:
        settings = TelemetrySettings(database_url=SecretStr(url_as(Role.WRITER, self.url)))
        parsed = parse(configuration, name="test", decoders=DECODERS)
        worker = Worker(settings, parsed, stream or cast("RawStream", _Stream()))
        self._workers.append(worker)
        return worker

    def close(self) -> None:
        for worker in self._workers:
            worker.close()
        self.connection.close()

    def set_back(self) -> None:
        """As if restored to an older copy: nothing is stored, ids begin anew, and connections are broken."""
        self.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE 'telemetry-worker %'"
        )
        self.connection.execute(
            "TRUNCATE source, device, series, series_latest, reading, reading_text, reading_10m, late_mark, ledger,"
            " ledger_total, ledger_tail, quarantine, quarantine_overflow RESTART IDENTITY CASCADE"
        )

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode(), parameters).fetchall()

    def readings(self) -> list[tuple[str, float]]:
        """(device, value) of all numbers."""
        return self.rows(
            "SELECT d.name, r.value FROM reading r JOIN series s ON s.id = r.series_id"
            " JOIN device d ON d.id = s.device_id ORDER BY 1, 2"
        )

    def latest(self) -> list[tuple[str, float]]:
        """(device, value) of all latest values."""
        return self.rows(
            "SELECT d.name, l.value FROM series_latest l JOIN series s ON s.id = l.series_id"
            " JOIN device d ON d.id = s.device_id ORDER BY 1"
        )

    def quarantine(self) -> list[tuple[int, str, int]]:
        """(position, reason, state)."""
        return self.rows("SELECT position, reason, state FROM quarantine ORDER BY id")

    def ledger(self) -> list[tuple[int, ...]]:
        """Messages decoded, ignored, quarantined; readings, stored."""
        return self.rows(
            "SELECT decoded, ignored, quarantined, readings, readings_stored FROM ledger ORDER BY received_at"
        )


def write(worker: Worker, *arrivals: Arrival) -> None:
    """Decode, store and settle."""
    batch = worker.decode(arrivals)
    while worker.store.write(batch) is None:
        batch = worker.decode(arrivals)
    assert worker.store.settle() == batch.generation
