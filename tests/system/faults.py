"""Faults on our side of the broker. Each one ends with everything running again, if not yet ready."""

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import psycopg

from servers import Process, children, wait_until
from system.harness import Line, Worker

Fault = Callable[[Line], None]

FULL_LOAD = 50_000.0
BACKLOG_MESSAGES = 15_000


def some_time(longest_s: float = 1.5) -> None:
    time.sleep(random.uniform(0.1, longest_s))


# --- kill -9


def kill_of_the_ingestion_worker(line: Line) -> None:
    line.ingestion.kill()
    line.ingestion.start()


def kill_of_the_telemetry_worker(line: Line) -> None:
    line.telemetry.kill()
    line.telemetry.start()


def kill_of_the_api(line: Line) -> None:
    line.api.kill()
    line.api.start()


def kill_of_nats(line: Line) -> None:
    line.stack.nats.kill()
    line.stack.nats.start()


def kill_of_postgresql(line: Line) -> None:
    line.stack.postgres.kill()
    line.stack.postgres.start()


def kill_of_postgresql_during_a_copy(line: Line) -> None:
    """A backlog makes large batches; the kill comes while one of them is being copied."""
    line.telemetry.stop()
    backlog = len(line.sender.acked) + BACKLOG_MESSAGES
    wait_until(lambda: len(line.sender.acked) > backlog, what="a backlog")
    with line.stack.database() as database:
        line.telemetry.spawn()
        copies = "SELECT FROM pg_stat_progress_copy WHERE command = 'COPY FROM' AND bytes_processed > 0"
        wait_until(lambda: database.execute(copies).fetchone() is not None, what="a COPY in flight")
        kill_of_postgresql(line)


def kill_of_a_backend_of_postgresql(line: Line) -> None:
    """PostgreSQL then ends all its backends and recovers."""
    backends = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'telemetry-worker%'"
    with suppress(psycopg.OperationalError), line.stack.database() as database:
        found = [row[0] for row in database.execute(backends)]
        os.kill(random.choice(found), signal.SIGKILL)


def power_cut(line: Line) -> None:
    """All of our side dies within a moment, and comes back in any order."""
    parts: list[Process] = [line.ingestion, line.telemetry, line.api, line.stack.nats, line.stack.postgres]
    random.shuffle(parts)
    for part in parts:
        part.kill()
    random.shuffle(parts)
    for part in parts:
        part.spawn()


def restart_loop_of_the_ingestion_worker(line: Line) -> None:
    _restart_loop(line.ingestion)


def restart_loop_of_the_telemetry_worker(line: Line) -> None:
    _restart_loop(line.telemetry)


def _restart_loop(worker: Worker) -> None:
    for _ in range(5):
        some_time()
        worker.kill()
        worker.spawn()


# --- away


def postgresql_away(line: Line) -> None:
    line.stack.postgres.stop()
    time.sleep(line.away_s)
    line.stack.postgres.start()


def nats_away(line: Line) -> None:
    line.stack.nats.stop()
    time.sleep(line.away_s)
    line.stack.nats.start()


def postgresql_frozen(line: Line) -> None:
    frozen(line.stack.postgres, line.away_s)


def nats_frozen(line: Line) -> None:
    frozen(line.stack.nats, line.away_s)


def telemetry_worker_frozen(line: Line) -> None:
    """For longer than its envelopes are left alone by JetStream."""
    frozen(line.telemetry, line.away_s)


def frozen(process: Process, seconds: float) -> None:
    """Stop a process and its children in their tracks, as a swapping machine does."""
    family = [process.pid, *children(process.pid)]
    _signal_all(family, signal.SIGSTOP)
    time.sleep(seconds)
    _signal_all(family, signal.SIGCONT)


def _signal_all(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


# --- SIGTERM


def drain_of_the_ingestion_worker(line: Line) -> None:
    _drain(line, line.ingestion)


def drain_of_the_telemetry_worker(line: Line) -> None:
    _drain(line, line.telemetry)


def drain_of_the_api(line: Line) -> None:
    _drain(line, line.api)


def orderly_end_of_nats(line: Line) -> None:
    _end_at_full_load(line, line.stack.nats, signal.SIGTERM)


def orderly_end_of_postgresql(line: Line) -> None:
    """SIGINT is what its images take for SIGTERM: at SIGTERM it waits until its clients have gone."""
    _end_at_full_load(line, line.stack.postgres, signal.SIGINT)


def _drain(line: Line, worker: Worker) -> None:
    code = _end_at_full_load(line, worker, signal.SIGTERM)
    assert code == 0, f"{worker.name} ended with {code} after SIGTERM:\n{worker.log_tail()}"


def _end_at_full_load(line: Line, process: Process, number: signal.Signals) -> int | None:
    """Ask a process to end while the sender gives all it can, and start it again; its exit code."""
    rate, line.sender.rate = line.sender.rate, FULL_LOAD
    some_time()
    code = process.stop(timeout_s=30, number=number)
    line.sender.rate = rate
    process.start()
    return code


FAULTS: list[Fault] = [
    kill_of_the_ingestion_worker,
    kill_of_the_telemetry_worker,
    kill_of_the_api,
    kill_of_nats,
    kill_of_postgresql,
    kill_of_postgresql_during_a_copy,
    kill_of_a_backend_of_postgresql,
    power_cut,
    restart_loop_of_the_ingestion_worker,
    restart_loop_of_the_telemetry_worker,
    postgresql_away,
    nats_away,
    postgresql_frozen,
    nats_frozen,
    telemetry_worker_frozen,
    drain_of_the_ingestion_worker,
    drain_of_the_telemetry_worker,
    drain_of_the_api,
    orderly_end_of_nats,
    orderly_end_of_postgresql,
]

OTHER_FAULTS: list[Fault] = [kill_of_the_ingestion_worker, kill_of_nats, power_cut]
"""What a message's QoS and the worker's MQTT version make a difference for."""
