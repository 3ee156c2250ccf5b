"""A process asks for as many open files as its connections need."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource
from sens.runtime.open_files import make_room
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
make_room({connections})
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "after", "warned"),
    [(128, 1000, 500, 600, False), (800, 1000, 500, 800, False), (128, 256, 500, 256, True)],
)
def test_the_limit_is_raised_as_far_as_it_is_needed_and_allowed(
    soft: int, hard: int, connections: int, after: int, warned: bool
):
    script = SCRIPT.format(soft=soft, hard=hard, connections=connections)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    *said, limit = done.stdout.splitlines()
    assert int(limit) == after
    assert ("too_few_open_files" in "".join(said) + done.stderr) == warned
