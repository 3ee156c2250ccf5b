"""`sens tail`: live readings as they come."""

import json
import time
from typing import Any, cast

from sens.cli.client import ApiAway, Event, Parameters, Target, connect
from sens.cli.output import note, print_json_line, print_line, shown
from sens.cli.times import iso

AGAIN_AFTER_S = 2.0
_COLUMNS = (("time", 27), ("source", 12), ("device", 20), ("metric", 24), ("value", 14), ("unit", 0))


class _Enough(Exception):
    """As many readings as were asked for have come."""


def run(target: Target, which: Parameters, *, count: int | None, as_json: bool) -> int:
    """Print readings until `count` have come, or for ever. A connection that breaks is made again, and goes on
    where it broke.

    Raises:
        ApiAway: it could not be made even once.
    """
    printer = _Printer(count, as_json=as_json)
    with connect(target) as api:
        while True:
            try:
                with api.events("live", which, printer.last_event_id) as events:
                    printer.begin()
                    for event in events:
                        printer.take(event)
                note("the stream has ended: listening again")
            except _Enough:
                return 0
            except ApiAway as error:
                if not printer.begun:
                    raise
                note(f"{error}; listening again")
            time.sleep(AGAIN_AFTER_S)


class _Printer:
    """Prints events.

    Attributes:
        begun: whether there was a stream.
        last_event_id: where to go on.
    """

    def __init__(self, count: int | None, *, as_json: bool) -> None:
        self.begun = False
        self.last_event_id = ""
        self._left = count
        self._as_json = as_json

    def begin(self) -> None:
        """There is a stream now."""
        if not self.begun and not self._as_json:
            print_line(_line([name for name, _ in _COLUMNS]))
        self.begun = True

    def take(self, event: Event) -> None:
        """Print what an event tells.

        Raises:
            _Enough: no more are wanted.
        """
        self.last_event_id = event.id or self.last_event_id
        if event.name == "reset":
            note("readings may be missing here: `sens readings` has all of them")
        if event.name != "readings":
            return
        for reading in cast("list[dict[str, Any]]", json.loads(event.data)["readings"]):
            self._print(reading)
            if self._left is not None:
                self._left -= 1
                if self._left == 0:
                    raise _Enough

    def _print(self, reading: dict[str, Any]) -> None:
        reading["time"] = iso(reading.pop("time_us"))
        if self._as_json:
            print_json_line(reading)
        else:
            print_line(_line([shown(reading[name]) for name, _ in _COLUMNS]))


def _line(cells: list[str]) -> str:
    """Cells in columns that are as wide for every line; a longer cell pushes what follows."""
    padded = [
        cell.rjust(width) if name == "value" else cell.ljust(width)
        for cell, (name, width) in zip(cells, _COLUMNS, strict=True)
    ]
    return "  ".join(padded).rstrip()
