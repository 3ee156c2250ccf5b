"""A whole platform that `sens up` runs in a folder, and the commands in the same folder."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.publish as mqtt

from command_line import Sens
from servers import free_port

ANSWER_S = 30.0


class Platform:
    """`sens up` in a folder where a console is built, and `sens …` in the same folder."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.sens = Sens(folder)
        (console := folder / "web-console" / "dist").mkdir(parents=True)
        (console / "index.html").write_text("the console")
        self.port, self.mqtt_port = free_port(), free_port()
        ports = ("--port", f"{self.port}", "--mqtt-port", f"{self.mqtt_port}")
        self.url = f"http://127.0.0.1:{self.port}"
        self.login_link = ""
        self.process = self.sens.start("up", *ports, "--no-simulator", "--json", *options)

    def __call__(self, *arguments: str, api_key: str = "") -> subprocess.CompletedProcess[bytes]:
        """Run a command with this key; without one it finds that of `sens up`."""
        return self.sens(*arguments, SENS_URL=self.url, SENS_API_KEY=api_key)

    def json(self, *arguments: str) -> Any:
        answer = self(*arguments, "--json")
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    def pid(self, part: str) -> int:
        """Of a process of the platform, by its name."""
        return int(json.loads((self.sens.folder / ".sens" / "run" / f"{part}.pid").read_text())["pid"])

    def get(self, path: str) -> Any:
        """What the API answers: without a process, for what is asked often."""
        key = (self.sens.folder / ".sens" / "admin-api-key").read_text().strip()
        return httpx.get(f"{self.url}/api/v1/{path}", headers={"X-API-Key": key}, timeout=ANSWER_S).json()

    def measured(self, device: str) -> Any:
        """The newest readings of a device; none while it is not known."""
        answer = self("devices", device, "--json")
        return json.loads(answer.stdout) if answer.returncode == 0 else []

    def publish(self, topic: str, payload: str | bytes) -> None:
        mqtt.single(topic, payload, qos=1, port=self.mqtt_port)

    def eventually(self, ask: Callable[[], Any]) -> Any:
        """The first answer that is not empty."""
        end = time.monotonic() + ANSWER_S
        while not (answer := ask()):
            assert time.monotonic() < end, "waited in vain"
        return answer

    def __enter__(self) -> "Platform":
        """Once it is up."""
        assert self.process.stdout is not None
        waited_for = {"mqtt-ingestion-worker", "login"}
        for line in self.process.stdout:
            told = json.loads(line)
            if told["name"] == "login":
                self.login_link = told["url"]
            if told["name"] == "login" or told["state"] == "running":
                waited_for.discard(told["name"])
            if not waited_for:
                break
        self.eventually(lambda: self("ledger").returncode == 0)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.communicate(timeout=60)
