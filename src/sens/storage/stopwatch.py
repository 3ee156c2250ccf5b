"""Seconds by phase."""

import time


class Stopwatch:
    """Adds up the seconds between laps under the names of the laps."""

    def __init__(self) -> None:
        self.seconds = dict[str, float]()
        self._since = time.perf_counter()

    def lap(self, phase: str) -> None:
        """What passed since the last lap was `phase`."""
        now = time.perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._since
        self._since = now
