"""The tutorials, word for word: a page's files are written and its commands run, in its order, against a real broker.

Only addresses differ: the page's broker is one on this machine, and the API has a free port.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from command_line import environment
from servers import Mosquitto, free_port, wait_until

TUTORIALS = Path(__file__).parents[3] / "docs" / "tutorials"
BLOCK = re.compile(r"^```(yaml|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
API_OF_PAGES = "http://127.0.0.1:8080"
LONGEST_S = 60.0

# With the options of Debian's mosquitto-clients that the pages use; notes how many messages it published.
MOSQUITTO_PUB = """
import argparse, paho.mqtt.publish as publish
parser = argparse.ArgumentParser(add_help=False)
for option in ("-h", "-u", "-P", "-q", "-t", "-m"):
    parser.add_argument(option, required=True)
given = vars(parser.parse_args())
login = {"username": given["u"], "password": given["P"]}
publish.single(given["t"], given["m"], qos=int(given["q"]), hostname=given["h"], port=BROKER_PORT, auth=login)
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


class Reader:
    """Somebody who follows a page in a folder, with `sens`, `make` and `mosquitto_pub` at hand."""

    def __init__(self, folder: Path, broker: Mosquitto, address: str) -> None:
        self.folder, self.broker, self.address = folder, broker, address
        self.api = f"http://127.0.0.1:{free_port()}"
        self.platform: subprocess.Popen[bytes] | None = None
        self.exports = ""
        python = f"#!{sys.executable}"
        self._put("bin/mosquitto_pub", python + MOSQUITTO_PUB.replace("BROKER_PORT", f"{broker.port}"))
        self._put(".venv/bin/sens", python + SENS)
        self._put("published", "")
        port = self.api.rpartition(":")[2]
        self._put("bin/make", f'#!/bin/sh\neval "exec {sys.executable} -m sens up ${{2#ARGS=}} --port {port}"\n')

    def _put(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def follow(self, kind: str, text: str) -> str:
        """Do what a block says; returns what it printed."""
        text = text.replace(f"mqtt://{self.address}", f"mqtt://127.0.0.1:{self.broker.port}")
        text = text.replace(self.address, "127.0.0.1").replace(API_OF_PAGES, self.api)
        if kind == "sh":
            return self._run(text)
        if text.startswith("# sens.yaml\n"):
            self._put("sens.yaml", text)
        return ""

    def _run(self, script: str) -> str:
        before, up, after = script.partition("make up ")
        printed = self._bash(before)
        if up:
            arguments, _, rest = after.partition("\n")
            self._restart(f"{up}{arguments}")
            printed += self._run(rest)
        return printed

    def _bash(self, script: str) -> str:
        """As in one terminal: what it exports holds for later blocks."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.exports + script],
            cwd=self.folder, env=self._environment(), capture_output=True, timeout=LONGEST_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}: {done.stdout.decode()}{done.stderr.decode()}"
        self.exports += "".join(f"{line}\n" for line in script.splitlines() if line.startswith("export "))
        return done.stdout.decode()

    def _restart(self, command: str) -> None:
        """Ctrl-C for what runs; then run it in a terminal of its own until it is connected."""
        self.stop()
        with (self.folder / "up.log").open("ab") as log:
            self.platform = subprocess.Popen(
                ["bash", "-c", f"{self.exports}exec {command}"],
                cwd=self.folder, env=self._environment(), stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        wait_until(lambda: {each["state"] for each in self._sources()} == {"connected"}, LONGEST_S, "the source")

    def _sources(self) -> list[dict[str, Any]]:
        try:
            key = (self.folder / ".sens" / "admin-api-key").read_text().strip()
            answer = httpx.get(f"{self.api}/api/v1/sources", headers={"X-API-Key": key})
        except (OSError, httpx.HTTPError):
            return []
        return answer.json()["items"] if answer.is_success else []

    def stop(self) -> None:
        if self.platform is not None:
            os.killpg(self.platform.pid, signal.SIGINT)
            self.platform.wait(LONGEST_S)
            self.platform = None

    def _environment(self) -> dict[str, str]:
        return environment(PATH=f"{self.folder / 'bin'}:{os.environ['PATH']}", SENS_URL=self.api)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    (folder := tmp_path / "mosquitto").mkdir()
    broker = Mosquitto(folder)
    broker.start()
    yield broker
    broker.stop()


def read(page: str, folder: Path, broker: Mosquitto, address: str) -> str:
    """Follow the page to its end; returns all that its commands printed."""
    (home := folder / "home").mkdir()
    reader = Reader(home, broker, address)
    try:
        blocks = BLOCK.findall((TUTORIALS / page).read_text())
        return "\n".join(reader.follow(kind, text) for kind, text in blocks)
    finally:
        reader.stop()


# A page starts the whole platform up to three times.
pytestmark = pytest.mark.timeout(400)


def test_zigbee2mqtt_at_home(tmp_path: Path, broker: Mosquitto):
    printed = read("zigbee2mqtt.md", tmp_path, broker, "192.168.1.20")
    assert re.search(r"bathroom\s+temperature\s+21.4\s+Cel", printed), printed
    assert '"expected_interval_s":3600' in printed
    assert "bathroom" in (tmp_path / "home" / "home.csv").read_text()


def test_a_factory_line(tmp_path: Path, broker: Mosquitto):
    printed = read("factory-line.md", tmp_path, broker, "192.168.3.5")
    for value in ("182.4", "183.1", "183.9"):
        assert value in printed
    assert "time_too_new" in printed
    assert re.search(r"camera-1\s+score\s+0.93", printed), printed
