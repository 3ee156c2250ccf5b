"""`sens ledger`."""

from typing import Any, cast

from sens.cli.client import Target, connect
from sens.cli.output import print_json, print_table
from sens.cli.progress import progress

_MESSAGES = ("received", "decoded", "ignored", "quarantined", "pending", "lost")
_READINGS = ("decoded", "stored", "duplicate", "conflict")
_COLUMNS = ("source", *_MESSAGES, "readings", *_READINGS[1:], "balanced")


def run(target: Target, *, as_json: bool) -> int:
    """Print what became of every message, by source and in total."""
    with connect(target) as api, progress("Asking for the ledger"):
        ledger = api.get("ledger")
    if as_json:
        print_json(ledger)
        return 0
    entries = cast("list[dict[str, Any]]", ledger["sources"])
    rows = [(entry["source"], *_cells(entry)) for entry in entries]
    print_table(_COLUMNS, [*rows, ("total", *_cells(ledger["total"]))])
    return 0


def _cells(entry: dict[str, Any]) -> list[object]:
    readings = [entry["readings"][key] for key in _READINGS]
    return [*(entry[key] for key in _MESSAGES), *readings, "yes" if entry["balanced"] else "NO"]
