import os
import pty
import select
import subprocess
import sys
from threading import Event
from typing import Any

import pytest

from sens.cli.progress import Progress, Silence, progress

SCRIPT = """
import time
from sens.cli import progress
progress.QUIET_FOR_S = 0.05
with progress.progress("Counting sheep") as shown:
    time.sleep(0.4)
    shown.tell("7 sheep")
    time.sleep(0.4)
print("done")
"""


def test_elsewhere_than_at_a_terminal_nothing_is_written(capsys: pytest.CaptureFixture[str]):
    with progress("Counting sheep") as shown:
        shown.tell("7 sheep")
    assert capsys.readouterr() == ("", "")


def test_at_a_terminal_it_is_on_standard_error_and_leaves_the_output_alone():
    terminal, other_end = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    command = [sys.executable, "-c", SCRIPT]
    answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=other_end, env=environment, check=True)
    os.close(other_end)
    shown = os.read(terminal, 65_536).decode()
    os.close(terminal)
    assert answer.stdout == b"done\n"
    assert "Counting sheep" in shown
    assert "7 sheep" in shown


ASKING = """
import sys
from sens.cli import progress
from sens.cli.client import Target, connect
progress.QUIET_FOR_S = 0.05
with connect(Target(sys.argv[1], None)) as api:
    print(api.get("anything"))
"""


def test_whatever_waits_for_the_api_shows_it(stub: Any):
    terminal, other_end = pty.openpty()
    answer = Event()

    class Answers(list[tuple[int, Any]]):
        def pop(self, *_: Any) -> tuple[int, Any]:
            answer.wait()
            return 200, {}

    stub.answers = Answers()
    environment = {**os.environ, "TERM": "xterm"}
    command = [sys.executable, "-c", ASKING, stub.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=other_end, env=environment) as process:
        shown = b""
        try:
            while b"Waiting for the API" not in shown:
                assert select.select([terminal], [], [], 30)[0], shown
                shown += os.read(terminal, 65_536)
        finally:
            answer.set()
        assert process.communicate() == (b"{}\n", None)
    os.close(other_end)
    os.close(terminal)


def test_of_two_at_once_the_outer_one_is_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress("Replaying") as outer:
        with progress("Waiting for the API") as inner:
            assert (type(outer), type(inner)) == (Progress, Silence)
        with progress("Waiting for the API") as inner:
            assert type(inner) is Silence
    with progress("Asking for devices") as later:
        assert type(later) is Progress
