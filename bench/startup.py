"""`sens up`, as a person waits for it: from the command to a reading that can be queried, on new and on kept data."""

import json
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from bench.figures import Context, Goal, Line, Outcome
from servers import Process, free_port, wait_until

HOST = "127.0.0.1"
PATIENCE_S = 60.0


class Up(Process):
    """`sens up` with the simulator."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "up")
        self.data = folder / "data"
        self.port, self.mqtt_port = free_port(), free_port()

    def command(self) -> list[str]:
        ports = ["--port", f"{self.port}", "--mqtt-port", f"{self.mqtt_port}"]
        return [sys.executable, "-m", "sens", "up", "--data-dir", f"{self.data}", *ports]

    def readings(self) -> int:
        """How many are stored; -1 while nobody answers."""
        try:
            key = (self.data / "admin-api-key").read_text().strip()
            request = urllib.request.Request(f"http://{HOST}:{self.port}/api/v1/ledger", headers={"X-API-Key": key})
            with urllib.request.urlopen(request, timeout=5) as answer:
                ledger: dict[str, Any] = json.load(answer)
        except OSError:  # urllib's errors as well
            return -1
        return ledger["total"]["readings"]["stored"]

    def seconds_to_a_new_reading(self, stored: int) -> float:
        """Start it, and wait until more readings are stored than before."""
        began = time.monotonic()
        self.spawn()
        wait_until(lambda: self.readings() > stored, PATIENCE_S, f"a reading\n{self.log_tail()}")
        return round(time.monotonic() - began, 2)


def start(context: Context) -> Outcome:
    """The first start makes the database; the second goes on with it."""
    up = Up(context.new_folder("up"))
    try:
        first = up.seconds_to_a_new_reading(0)
        stored = up.readings()
        stopping = time.monotonic()
        if code := up.stop():
            raise RuntimeError(f"sens up ended with {code}:\n{up.log_tail()}")
        stop = round(time.monotonic() - stopping, 2)
        second = up.seconds_to_a_new_reading(stored)
    finally:
        up.stop()
    lines = [
        Line("sens up, to the first reading", first, "s"),
        Line("sens up again, to a new reading", second, "s", Goal(8, most=True)),
    ]
    return Outcome(lines, {"first_s": first, "stop_s": stop, "second_s": second})
