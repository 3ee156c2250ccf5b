import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sens.local import orphans
from sens.local.launch import launched
from servers import wait_until

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def waiting(process: subprocess.Popen[bytes]) -> bool:
    return orphans.command_of(process.pid) == " ".join(SLEEP)


def test_a_recorded_process_that_still_runs_is_ended(tmp_path: Path):
    process = subprocess.Popen(SLEEP)
    orphans.record(tmp_path / "part.pid", process.pid, ["launcher", "1", *SLEEP], signal.SIGTERM)
    wait_until(lambda: waiting(process))
    assert orphans.end_orphans(tmp_path) == ["part"]
    assert process.wait(5) == -signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_ignores_its_signal_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(orphans, "KILL_AFTER_S", 0.2)
    command = [
        sys.executable,
        "-c",
        "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(600)",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    orphans.record(tmp_path / "part.pid", process.pid, command, signal.SIGTERM)
    assert orphans.end_orphans(tmp_path) == ["part"]
    assert process.wait(5) == -signal.SIGKILL


def test_another_program_with_the_same_pid_is_left_alone(tmp_path: Path):
    process = subprocess.Popen(SLEEP)
    try:
        orphans.record(tmp_path / "part.pid", process.pid, ["postgres", "-D", "/data"], signal.SIGTERM)
        wait_until(lambda: waiting(process))
        assert orphans.end_orphans(tmp_path) == []
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("text", ["", "{", "7", json.dumps({"pid": "x"}), json.dumps({"pid": 1, "command": "c"})])
def test_a_pid_file_that_was_cut_off_is_put_away(tmp_path: Path, text: str):
    (tmp_path / "part.pid").write_text(text)
    assert orphans.end_orphans(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_is_no_more_has_no_command():
    process = subprocess.Popen(SLEEP)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, but not buried
    assert orphans.command_of(process.pid) == ""
    process.wait()
    assert orphans.command_of(process.pid) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's promise is Linux's")
def test_a_launched_command_dies_with_the_process_that_started_it(tmp_path: Path):
    code = (
        "import subprocess, time; from sens.local.launch import launched; "
        f"print(subprocess.Popen(launched({SLEEP!r}), start_new_session=True).pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    wait_until(lambda: orphans.command_of(pid) == " ".join(SLEEP))
    parent.kill()
    parent.wait()
    wait_until(lambda: orphans.command_of(pid) == "", what="the child to be gone")
    assert orphans.command_of(pid) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's promise is Linux's")
def test_a_command_whose_parent_died_before_it_was_launched_does_not_start():
    command = launched(SLEEP)
    command[4] = "1"  # the pid of the parent that is not ours
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "the supervisor is gone\n")
