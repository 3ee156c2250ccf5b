import os
import pty
import subprocess
import sys

import pytest

from sens.cli.progress import progress

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
