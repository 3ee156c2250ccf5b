import json
import subprocess
import sys

import pytest

from command_line import Sens
from sens.runtime.exits import ExitCode

COMMANDS = [
    *("mqtt-ingestion-worker", "telemetry-worker", "platform-api", "migrate", "up", "simulate"),
    *("check", "decode", "version"),
    *("tail", "ledger", "devices", "readings", "replay"),
    *("quarantine", "api-key"),
]
HEAVY = ("rich", "httpx", "numpy", "psycopg", "nats", "structlog", "fastapi", "ruamel", "msgspec", "asyncio")


def test_help_names_every_command(sens: Sens):
    answer = sens("--help")
    assert answer.returncode == 0
    lines = [line.split() for line in answer.stdout.decode().splitlines()]
    assert [line[0] for line in lines if line and line[0] in COMMANDS and len(line) > 1] == COMMANDS


def test_no_short_help_is_cut(sens: Sens):
    assert "..." not in sens("--help").stdout.decode().partition("Commands:")[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "sens: no such command 'nope'; see sens --help"),
        (["decode"], "sens: missing option '--config'; see sens decode --help"),
        (["up", "--port", "x"], "see sens up --help"),
        (["quarantine", "list", "--nope"], "sens: no such option: --nope; see sens quarantine list --help"),
        (["readings", "7", "--csv", "--json"], "sens: --csv or --json: give one of them"),
        (["simulate", "--rate", "0"], "--rate 0.0: give messages a second"),
        (["simulate", "--broker", "x"], "--broker: give mqtt://host:port"),
        (["readings", "--resolution", "2h"], "see sens readings --help"),
    ],
)
def test_wrong_arguments_are_one_line_and_end_with_2(sens: Sens, arguments: list[str], said: str):
    answer = sens(*arguments)
    assert answer.returncode == 2
    assert answer.stdout == b""
    assert len(answer.stderr.splitlines()) == 1
    assert said in answer.stderr.decode()


def test_no_arguments_print_the_help_and_end_with_2(sens: Sens):
    answer = sens()
    assert answer.returncode == 2
    assert answer.stderr.startswith(b"Usage: sens ")


def test_a_wrong_setting_ends_with_3_and_one_line(sens: Sens):
    answer = sens("migrate", SENS_LOG_LEVEL="loud")
    assert answer.returncode == 3
    assert answer.stderr.decode().startswith("sens: SENS_LOG_LEVEL: 'loud' is not allowed")


def test_version_tells_version_and_commit(sens: Sens):
    sha, tag = "0123456789abcdef", "0.1.0-alpha.1.1"
    told = json.loads(sens("version", "--json", SENS_GIT_SHA=sha, SENS_DEPLOYED_VERSION=tag).stdout)
    assert (told["git_sha"], told["version"]) == (sha, tag)
    line = sens("version", SENS_GIT_SHA=sha, SENS_DEPLOYED_VERSION=tag).stdout.decode()
    assert line.startswith("sens 0.1.0-alpha.1.1 (commit 0123456789ab")


def test_sigterm_ends_a_command_also_as_the_first_process_of_a_container(sens: Sens):
    # Where the kernel's default ended it, the code would be -15, and the first process of a container has no default.
    command = sens.start("migrate", SENS_DATABASE_URL="postgresql://sens@127.0.0.1:1/sens")
    assert command.stderr is not None
    assert b"connection failed" in command.stderr.readline()
    command.terminate()
    assert command.wait(timeout=30) == ExitCode.INTERRUPTED


def test_a_reader_that_has_seen_enough_is_no_error(sens: Sens):
    command = f"{sys.executable} -m sens version --json | true"
    answer = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [["--help"], ["version"], ["up", "--help"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]):
    script = (
        "import sys\n"
        f"sys.argv = ['sens', *{arguments!r}]\n"
        "from sens.cli import main\n"
        "main()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert answer.stderr.decode().strip() == "[]"
