"""What a person sees of a running stack: a table kept up to date, or lines where there is no terminal."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sens.local.part import State, Status

_STYLES = {
    State.WAITING: "dim",
    State.STARTING: "yellow",
    State.RUNNING: "green",
    State.UNRESPONSIVE: "bold yellow",
    State.RESTARTING: "bold yellow",
    State.STOPPING: "yellow",
    State.STOPPED: "dim",
    State.DONE: "dim",
    State.FAILED: "bold red",
}
_ALIVE = (State.STARTING, State.RUNNING, State.UNRESPONSIVE, State.RESTARTING, State.STOPPING)


class View(Protocol):
    """Shows a stack."""

    def changed(self, status: Status) -> None:
        """A part's status is another now."""
        ...

    def tick(self, statuses: Sequence[Status], rates: Mapping[str, float | None]) -> None:
        """A second or so went by."""
        ...

    def login(self, url: str) -> None:
        """The link logs in, once and for ten minutes."""
        ...

    def close(self) -> None:
        """All has ended."""
        ...


def choose_view(hints: Sequence[str], *, as_json: bool) -> View:
    """JSON when asked for, the table at a terminal, lines elsewhere. `hints`: what to know beside the parts."""
    if as_json:
        return JsonLines()
    return LiveTable(hints) if sys.stdout.isatty() else PlainLines(hints)


class LiveTable:
    """One table, drawn again and again."""

    def __init__(self, hints: Sequence[str], console: Console | None = None) -> None:
        self._hints = list(hints)
        self._live = Live(console=console, auto_refresh=False)
        self._live.start()

    def changed(self, status: Status) -> None:
        """Nothing: the next tick is soon, and shows all at once."""

    def tick(self, statuses: Sequence[Status], rates: Mapping[str, float | None]) -> None:
        self._live.update(draw(statuses, rates, self._hints, time.time()), refresh=True)

    def login(self, url: str) -> None:
        self._hints = [*self._hints, login_hint(url)]

    def close(self) -> None:
        self._live.stop()


class PlainLines:
    """A line for each change."""

    def __init__(self, hints: Sequence[str]) -> None:
        for hint in hints:
            print(hint, flush=True)

    def changed(self, status: Status) -> None:
        words = [
            time.strftime("%H:%M:%S"),
            status.name,
            str(status.state),
            f"pid {status.pid}" if status.pid else "",
            status.url if status.state is State.RUNNING else "",
            f"({status.note})" if status.note else "",
        ]
        print(" ".join(word for word in words if word), flush=True)

    def tick(self, statuses: Sequence[Status], rates: Mapping[str, float | None]) -> None:
        """Nothing: a log does not want a line a second."""

    def login(self, url: str) -> None:
        print(login_hint(url), flush=True)

    def close(self) -> None:
        """Nothing to put away."""


class JsonLines:
    """A JSON object a line for each change: the fields of `Status`, and `at` in seconds since 1970 UTC.

    The link to log in is a line with the name `login`.
    """

    def changed(self, status: Status) -> None:
        print(json.dumps({"at": round(time.time(), 3), **asdict(status)}), flush=True)

    def tick(self, statuses: Sequence[Status], rates: Mapping[str, float | None]) -> None:
        """Nothing: rates are in the parts' metrics."""

    def login(self, url: str) -> None:
        print(json.dumps({"at": round(time.time(), 3), "name": "login", "url": url}), flush=True)

    def close(self) -> None:
        """Nothing to put away."""


def draw(
    statuses: Sequence[Status], rates: Mapping[str, float | None], hints: Sequence[str], now: float
) -> RenderableType:
    """The table at `now`, in seconds since 1970 UTC."""
    table = Table(title="SENS Platform", title_justify="left")
    for title in ("part", "state"):
        table.add_column(title, no_wrap=True)
    for title in ("pid", "uptime", "restarts"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("where", overflow="fold")
    table.add_column("note", overflow="fold")
    for status in statuses:
        table.add_row(
            status.name,
            Text(status.state, style=_STYLES[status.state]),
            str(status.pid or ""),
            duration(now - status.since) if status.pid and status.state in _ALIVE else "",
            str(status.restarts or ""),
            Text(status.url),
            Text(status.note),
        )
    flow = "   ".join(f"{title}: {'–' if rate is None else f'{rate:,.0f}'}" for title, rate in rates.items())
    return Group(table, *(Text(line) for line in (flow, *hints) if line))


def login_hint(url: str) -> str:
    """The link and what to know of it."""
    return f"log in: {url}   (works once, for 10 minutes; another one: sens user login-link)"


def duration(seconds: float) -> str:
    """Days, hours, minutes or seconds: the largest two that matter."""
    whole = max(int(seconds), 0)
    days, hours, minutes = whole // 86_400, whole // 3_600 % 24, whole // 60 % 60
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes}m"
    return f"{minutes}m {whole % 60}s" if minutes else f"{whole}s"
