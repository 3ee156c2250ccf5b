"""Somebody who follows a page of the docs word for word: its files are written and its commands run, in its order.

Only addresses differ: a page's broker is one on this machine, and the API has a free port. Two comments, which no
reader sees, may stand before a block: `<!-- not run: REASON -->`, and, for what has no end,
`<!-- run until it prints -->`.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import httpx
import paho.mqtt.publish as mqtt

from command_line import environment
from servers import Mosquitto, free_port, wait_until
from whole_platform import Platform

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^(?:<!-- ([^\n]*) -->\n+)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = ("sh", "python")
UNTIL_IT_PRINTS = "run until it prints"
NOT_RUN = re.compile(r"not run: \w.*")
API_OF_PAGES = "http://127.0.0.1:8080"
BROKERS_OF_PAGES = re.compile(r"mqtts?://(?:192\.168\.\d+\.\d+|broker\.example\.org|127\.0\.0\.1:1883)")
MACHINES_OF_PAGES = re.compile(r"192\.168\.\d+\.\d+")
LONGEST_S = 60.0
LIVE_EVERY_S = 0.2

# With the options of Debian's mosquitto-clients that the pages use; notes how many messages it published.
MOSQUITTO_PUB = """
import argparse, paho.mqtt.publish as publish
parser = argparse.ArgumentParser(add_help=False)
for option in ("-h", "-p", "-u", "-P"):
    parser.add_argument(option)
for option in ("-q", "-t", "-m"):
    parser.add_argument(option, required=True)
given = vars(parser.parse_args())
login = {"username": given["u"], "password": given["P"]} if given["u"] else None
port = BROKER_PORT if given["h"] else MOCK_PORT
publish.single(given["t"], given["m"], qos=int(given["q"]), hostname="127.0.0.1", port=port, auth=login)
open("published", "a").write(".")
"""
# A person looks again where a message has not arrived yet.
SENS = """
import json, os, pathlib, sys, time, urllib.request
if sys.argv[1] in ("devices", "readings", "ledger", "quarantine", "export"):
    key = pathlib.Path(".sens/admin-api-key").read_text().strip()
    asked = urllib.request.Request(os.environ["SENS_URL"] + "/api/v1/ledger", headers={"X-API-Key": key})
    for _ in range(300):
        total = json.load(urllib.request.urlopen(asked))["total"]
        if total["received"] >= len(pathlib.Path("published").read_text()) and total["pending"] == 0:
            break
        time.sleep(0.1)
os.execv(sys.executable, [sys.executable, "-m", "sens", *sys.argv[1:]])
"""


class Block(NamedTuple):
    """What a page tells to write, to run, or shows."""

    note: str
    kind: str
    text: str


def blocks(page: Path) -> list[Block]:
    """All that are fenced, in order."""
    return [Block(*found) for found in FENCE.findall(page.read_text())]


def commands(page: Path) -> list[Block]:
    """Those that are run."""
    return [block for block in blocks(page) if block.kind in RUN and not NOT_RUN.fullmatch(block.note)]


class Reader:
    """Somebody who follows a page in a folder, with `sens`, `make`, `curl` and `mosquitto_pub` at hand."""

    def __init__(self, folder: Path, broker: Mosquitto, shared: Platform) -> None:
        self.folder, self.mock_port = folder, shared.mqtt_port
        self.broker = f"mqtt://127.0.0.1:{broker.port}"
        self.api = shared.url
        self.platform: subprocess.Popen[bytes] | None = None
        self.exports = self.first_python = ""
        python = f"#!{sys.executable}"
        ports = {"BROKER_PORT": f"{broker.port}", "MOCK_PORT": f"{shared.mqtt_port}"}
        publish = re.sub("|".join(ports), lambda found: ports[found[0]], MOSQUITTO_PUB)
        self._put("bin/mosquitto_pub", python + publish)
        self._put(".venv/bin/sens", python + SENS)
        self._put("bin/sens", python + SENS)
        self._put("bin/curl", f'#!/bin/sh\nexec {shutil.which("curl")} --fail-with-body "$@"\n')
        self._put("published", "." * shared.get("ledger")["total"]["received"])
        (folder / ".sens").symlink_to(shared.sens.folder / ".sens")

    def _put(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def follow(self, block: Block) -> str:
        """Do what a block says; returns what it printed."""
        text = self._here(block)
        if block.kind == "yaml" and text.startswith("# sens.yaml\n"):
            self._put("sens.yaml", text)
        if block.kind not in RUN or NOT_RUN.fullmatch(block.note):
            return ""
        if block.note == UNTIL_IT_PRINTS:
            return self._until_it_prints(self.command(block))
        return self._run(text) if block.kind == "sh" else self._end(self.command(block))

    def _here(self, block: Block) -> str:
        """Its text, with the addresses of this test."""
        text = BROKERS_OF_PAGES.sub(self.broker, block.text)
        return MACHINES_OF_PAGES.sub("127.0.0.1", text).replace(API_OF_PAGES, self.api)

    def command(self, block: Block) -> list[str]:
        """What runs it."""
        return self._command(block.kind, self._here(block))

    def _command(self, kind: str, text: str) -> list[str]:
        """As in one terminal: what it exports, and what the first Python block makes above its last empty line, holds
        for later blocks."""
        if kind == "sh":
            return ["bash", "-euo", "pipefail", "-c", self.exports + text]
        before, self.first_python = self.first_python, self.first_python or text.rpartition("\n\n")[0] + "\n"
        return [sys.executable, "-u", "-c", before + text]

    def _run(self, script: str) -> str:
        before, up, after = script.partition("make up")
        printed = self._end(self._command("sh", before)) if before.strip() else ""
        self.exports += "".join(f"{line}\n" for line in before.splitlines() if line.startswith("export "))
        if up:
            arguments, _, rest = after.partition("\n")
            if "ARGS=" in arguments:
                # A variable before the command is in the piece that was run as one line of its own.
                self._restart(arguments.partition("ARGS=")[2].strip().strip('"'))
            printed += self._run(rest) if rest.strip() else ""
        return printed

    def _end(self, command: list[str]) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self._environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=LONGEST_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command[-1]}: {done.stdout.decode()}"
        return done.stdout.decode()

    def _until_it_prints(self, command: list[str]) -> str:
        """What it printed first after a reading came; devices send meanwhile."""
        printed = ""
        with self.running(command) as lines, sending(self.mock_port, lambda _: {"temperature": 21.5}):
            while "climate-0001" not in printed:
                printed += next(lines)
        return printed

    @contextmanager
    def running(self, command: list[str]) -> Generator[Iterator[str]]:
        """What has no end, within the block. Its lines as it prints them; it ends when it takes too long."""
        process = subprocess.Popen(
            command, cwd=self.folder, env=self._environment(), stdout=subprocess.PIPE, start_new_session=True
        )
        end = threading.Timer(LONGEST_S, lambda: os.killpg(process.pid, signal.SIGKILL))
        end.start()
        try:
            assert process.stdout is not None
            yield _lines(process.stdout)
        finally:
            end.cancel()
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def _restart(self, options: str) -> None:
        """Ctrl-C for what runs; then run it in a terminal of its own until it is connected."""
        self.stop()
        if (self.folder / ".sens").is_symlink():
            (self.folder / ".sens").unlink()
            self._put("published", "")
            self.api = f"http://127.0.0.1:{free_port()}"
        port = self.api.rpartition(":")[2]
        command = f"{sys.executable} -m sens up {options} --port {port}"
        with (self.folder / "up.log").open("ab") as log:
            self.platform = subprocess.Popen(
                ["bash", "-c", f"{self.exports}exec {command}"],
                cwd=self.folder, env=self._environment(), stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        wait_until(lambda: self._states() == {"connected"}, LONGEST_S, "the source")

    def get(self, path: str) -> Any:
        """What the API of the page answers; nothing while it does not."""
        try:
            key = (self.folder / ".sens" / "admin-api-key").read_text().strip()
            answer = httpx.get(f"{self.api}/api/v1/{path}", headers={"X-API-Key": key}, timeout=LONGEST_S)
        except (OSError, httpx.HTTPError):
            return {}
        return answer.json() if answer.is_success else {}

    def _states(self) -> set[str]:
        return {each["state"] for each in self.get("sources").get("items", [])}

    def stop(self) -> None:
        if self.platform is not None:
            os.killpg(self.platform.pid, signal.SIGINT)
            self.platform.wait(LONGEST_S)
            self.platform = None

    def _environment(self) -> dict[str, str]:
        return environment(PATH=f"{self.folder / 'bin'}:{os.environ['PATH']}", SENS_URL=self.api)


@contextmanager
def sending(mqtt_port: int, measured: Callable[[int], dict[str, float]]) -> Generator[Counter[str]]:
    """Within the block a device sends; counts its `messages`, the first of which is 0 to `measured`."""
    ended, sent = threading.Event(), Counter[str]()

    def send() -> None:
        while not ended.wait(LIVE_EVERY_S):
            mqtt.single("sens/climate-0001/telemetry", json.dumps(measured(sent["messages"])), qos=1, port=mqtt_port)
            sent["messages"] += 1

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield sent
    finally:
        ended.set()
        sender.join()


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """As they come.

    Raises:
        AssertionError: it ended.
    """
    while line := stream.readline():
        yield line.decode()
    raise AssertionError("it ended, or did not print in time what was waited for")
