"""What commands print: tables, JSON, CSV, lines. Results go to standard output, all else to standard error."""

import csv
import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer

_ANY_WIDTH = 100_000
"""Of a table that no terminal shows: nothing in it is folded."""


def print_json(value: Any) -> None:
    """A JSON value, for people and programs. ASCII only, so nothing in it can steer a terminal."""
    _write(json.dumps(value, indent=2) + "\n")


def print_json_line(value: Any) -> None:
    """A JSON value on one line, at once: for what comes without end."""
    _write(json.dumps(value) + "\n")


def print_line(text: str) -> None:
    """A line, at once."""
    _write(printable(text) + "\n")


def print_bytes(data: bytes) -> None:
    """Bytes as they are."""
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _stop_writing()


def note(text: str) -> None:
    """A line for the person, on standard error."""
    print(f"sens: {printable(text)}", file=sys.stderr)


def print_csv(rows: Iterable[Sequence[object]]) -> None:
    """Rows as RFC 4180 says: None as an empty field, booleans as `true` and `false`."""
    words = ([shown(cell) if isinstance(cell, bool) else cell for cell in row] for row in rows)
    try:
        csv.writer(sys.stdout).writerows(words)
        sys.stdout.flush()
    except BrokenPipeError:
        _stop_writing()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table with a heading for each column; numbers stand to the right, None is empty.

    At a terminal long cells are folded to its width; elsewhere every row is one line.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [list(row) for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        numeric = any(isinstance(row[index], int | float) for row in cells)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(shown(cell)) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else _ANY_WIDTH)
    with console.capture() as captured:
        console.print(table)
    _write("".join(line.rstrip() + "\n" for line in captured.get().splitlines()))


def shown(value: object) -> str:
    """A value as a cell shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    return printable(str(value))


def printable(text: str) -> str:
    """The text with characters that could steer a terminal written as escapes: senders choose names and texts."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _stop_writing()


def _stop_writing() -> None:
    """Whoever read our output has seen enough (`| head`): end well, and let Python's last flush go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(0)
