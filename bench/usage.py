"""What processes cost, from /proc: CPU time and memory.

Source: proc(5), /proc/pid/stat and /proc/pid/status.
"""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
SAMPLE_EVERY_S = 0.25


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, of the children that it waited for, and of those that run."""
    user, system, children_user, children_system = _stat(pid)[11:15]
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    running = (_own_seconds(int(child)) for child in children)
    return (int(user) + int(system) + int(children_user) + int(children_system)) * _TICK_S + sum(running)


def _own_seconds(pid: int) -> float:
    try:
        user, system = _stat(pid)[11:13]
    except FileNotFoundError:  # it ended meanwhile, and is counted in its parent from now on
        return 0.0
    return (int(user) + int(system)) * _TICK_S


def _stat(pid: int) -> list[str]:
    """Fields from the third, the state, on: the second may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of a process under load, in MB.

    Attributes:
        growth: last quarter of the time against the second one (the first fills buffers and caches).
    """

    end: float
    peak: float
    growth: float


class Meter:
    """CPU and memory of some processes, from `with` to its end.

    Attributes:
        cpu_s: seconds of each.
        memory: of each.
    """

    def __init__(self, pids: Mapping[str, int]) -> None:
        self.pids = dict(pids)
        self.cpu_s = dict[str, float]()
        self.memory = dict[str, Memory]()
        self._samples = {name: list[float]() for name in pids}
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "Meter":
        self._before = {name: cpu_seconds(pid) for name, pid in self.pids.items()}
        self._sampler.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._ended.set()
        self._sampler.join()
        if kind is None:
            self.cpu_s = {name: cpu_seconds(pid) - self._before[name] for name, pid in self.pids.items()}
            self.memory = {name: _memory(samples) for name, samples in self._samples.items()}

    def _sample(self) -> None:
        while True:
            for name, pid in self.pids.items():
                self._samples[name].append(resident_mb(pid))
            if self._ended.wait(SAMPLE_EVERY_S):
                return

    def us_per_message(self, messages: int) -> dict[str, float]:
        """CPU of each process, in µs a message."""
        return {name: round(1e6 * seconds / messages, 2) for name, seconds in self.cpu_s.items()}


def _memory(samples: list[float]) -> Memory:
    quarters = np.array_split(np.array(samples), 4)
    growth = float(quarters[3].mean() - quarters[1].mean()) if len(samples) >= 4 else 0.0
    return Memory(round(samples[-1], 1), round(max(samples), 1), round(growth, 1))
