"""A real process: signals, exit codes, logs and the ops port."""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sens.runtime.exits import ExitCode
from servers import Process, free_port, wait_until


class Sample(Process):
    def __init__(self, folder: Path, behaviour: str) -> None:
        super().__init__(folder, "sample")
        self.behaviour = behaviour
        self.port = free_port()

    def command(self) -> list[str]:
        return [sys.executable, str(Path(__file__).with_name("sample_process.py")), self.behaviour]

    def ready(self) -> bool:
        return any(line["event"] == "started" for line in self.lines())

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log_path.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5)

    def exit_code(self) -> int:
        assert self.process is not None
        return self.process.wait(20)


Make = Callable[..., Sample]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make samples, with settings as keywords; none outlives its test."""
    made: list[Sample] = []

    def make(behaviour: str, **settings: str) -> Sample:
        sample = Sample(tmp_path, behaviour)
        for name, value in {"SENS_OPS_PORT": str(sample.port), "SENS_GIT_SHA": "abc", **settings}.items():
            monkeypatch.setenv(name, value)
        made.append(sample)
        return sample

    yield make
    for sample in made:
        sample.kill()


def test_sigterm_drains_and_exits_with_0(make: Make) -> None:
    sample = make("good", SENS_INSTANCE="sample-3")
    sample.start()
    assert sample.stop() == ExitCode.OK
    events = [line["event"] for line in sample.lines()]
    assert events == ["started", "signal", "draining", "closed", "ended"]
    assert {(line["component"], line["instance"]) for line in sample.lines()} == {("sample", "sample-3")}


def test_the_ops_port_answers(make: Make) -> None:
    sample = make("good")
    sample.start()
    health, ready, version, metrics = (sample.get(path) for path in ("/healthz", "/readyz", "/version", "/metrics"))
    assert (health.status_code, health.json()["status"]) == (200, "alive")
    assert ready.json() == {"status": "ready", "checks": {"well": {"ok": True, "reason": None}}}
    assert version.json().keys() == {"version", "git_sha", "build_date", "python", "component"}
    assert (version.json()["git_sha"], version.json()["component"]) == ("abc", "sample")
    assert 'sens_build_info{component="sample",git_sha="abc"' in metrics.text
    assert "process_resident_memory_bytes" in metrics.text
    assert 'sens_process_ready{check="well"} 1.0' in metrics.text
    assert metrics.headers["content-type"].startswith("text/plain")
    assert sample.get("/nothing").status_code == 404
    assert sample.stop() == ExitCode.OK


def test_a_draining_process_says_so_until_it_ends(make: Make) -> None:
    sample = make("slow", SENS_DRAIN_TIMEOUT_S="600")
    sample.start()
    sample.signal(signal.SIGTERM)
    wait_until(lambda: sample.get("/readyz").status_code == 503)
    assert sample.get("/readyz").json()["status"] == "draining"
    assert sample.get("/healthz").status_code == 200


def test_a_drain_that_takes_too_long_is_cut_short_and_says_what_was_not_finished(make: Make) -> None:
    sample = make("slow", SENS_DRAIN_TIMEOUT_S="0.5")
    sample.start()
    sample.signal(signal.SIGTERM)
    assert sample.exit_code() == ExitCode.DRAIN_TIMEOUT
    [cut] = [line for line in sample.lines() if line["event"] == "drain_cut_short"]
    assert cut["unfinished"] == ["work"]


def test_a_second_signal_ends_at_once(make: Make) -> None:
    sample = make("slow")
    sample.start()
    sample.signal(signal.SIGINT)
    wait_until(lambda: any(line["event"] == "draining" for line in sample.lines()))
    sample.signal(signal.SIGINT)
    assert sample.exit_code() == ExitCode.INTERRUPTED


def test_a_stuck_event_loop_does_not_outlive_the_drain(make: Make) -> None:
    sample = make("stuck", SENS_DRAIN_TIMEOUT_S="0.5")
    sample.start()
    sample.signal(signal.SIGTERM)
    assert sample.exit_code() == ExitCode.DRAIN_TIMEOUT
    assert "the event loop does not end" in sample.log_tail()


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [("fatal", ExitCode.CONFIGURATION), ("bug", ExitCode.FAILURE), ("away", ExitCode.UNAVAILABLE)],
)
def test_the_exit_code_tells_why_the_process_ended(make: Make, behaviour: str, code: ExitCode) -> None:
    sample = make(behaviour, SENS_DRAIN_TIMEOUT_S="5")
    sample.spawn()
    if behaviour == "away":  # tried again until somebody ends it
        wait_until(lambda: any(line["event"] == "task_failed_will_retry" for line in sample.lines()))
        assert sample.stop() == ExitCode.OK
        assert "hunter2" not in sample.log_tail()
        return
    assert sample.exit_code() == code
    [failed] = [line for line in sample.lines() if line["event"] == "task_failed"]
    assert ("Traceback" in failed.get("exception", "")) == (behaviour == "bug")
    assert sample.lines()[-1]["exit_code"] == code


def test_a_wrong_setting_is_one_line_and_exit_code_3(make: Make) -> None:
    sample = make("good", SENS_LOG_LEVEL="loud")
    sample.spawn()
    assert sample.exit_code() == ExitCode.CONFIGURATION
    assert sample.log_tail() == (
        "sens: SENS_LOG_LEVEL: 'loud' is not allowed: must be one of debug, info, warning, error; "
        "write for example SENS_LOG_LEVEL=info\n"
    )


def test_a_port_in_use_names_port_and_variable(make: Make) -> None:
    sample = make("good")
    with socket.create_server(("127.0.0.1", sample.port)):
        sample.spawn()
        assert sample.exit_code() == ExitCode.CONFIGURATION
    [failed] = [line for line in sample.lines() if line["event"] == "failed_to_start"]
    assert f"port {sample.port}" in failed["error"]
    assert "SENS_OPS_PORT" in failed["error"]


def test_port_0_takes_a_free_one_and_logs_it(make: Make) -> None:
    sample = make("good", SENS_OPS_PORT="0", SENS_OPSPORT="1")
    sample.start()
    sample.port = next(line["ops_port"] for line in sample.lines() if line["event"] == "started")
    assert sample.get("/healthz").status_code == 200
    [warning] = [line for line in sample.lines() if line["event"] == "unknown_setting"]
    assert warning["advice"] == "did you mean SENS_OPS_PORT?"
    assert sample.stop() == ExitCode.OK
    assert "SENS_OPSPORT" in os.environ, "the test's own premise"
