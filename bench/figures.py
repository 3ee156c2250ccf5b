"""What a measurement comes to: lines for the table, and everything else for the file of results."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bench.stack import UNIFORM_RULE, Cluster, Stack


class Goal(NamedTuple):
    """A limit that a figure has to keep. `most`: it may not be above, else not below."""

    limit: float
    most: bool = False

    def met_by(self, value: float) -> bool:
        return value <= self.limit if self.most else value >= self.limit

    def __str__(self) -> str:
        return f"{'≤' if self.most else '≥'} {self.limit:,g}"


@dataclass(frozen=True, slots=True)
class Line:
    """One figure. Without a goal it is there to be seen beside the others."""

    what: str
    value: float
    unit: str
    goal: Goal | None = None

    @property
    def met(self) -> bool | None:
        return None if self.goal is None else self.goal.met_by(self.value)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A measurement's lines, and all that was seen."""

    lines: list[Line]
    raw: dict[str, Any]


@dataclass(slots=True)
class Context:
    """Where and how much is measured.

    Attributes:
        folder: for servers and logs, on the disk that is measured.
        messages: of the drain; the other measurements take their share of it.
        live_s, latency_s: how long these go on; live_clients as long as latency.
    """

    cluster: Cluster
    folder: Path
    messages: int
    live_s: float
    latency_s: float

    _stacks: int = 0

    def stack(self, rule: str = UNIFORM_RULE) -> Stack:
        return Stack(self.cluster, self.new_folder("stack"), rule)

    def new_folder(self, name: str) -> Path:
        self._stacks += 1
        folder = self.folder / f"{self._stacks:02}-{name}"
        folder.mkdir(parents=True)
        return folder


def per_second(count: float, seconds: float) -> int:
    return round(count / seconds)
