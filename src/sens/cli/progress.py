"""A sign of life for what takes its time: at a terminal, on standard error, and only after a moment."""

import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from threading import Lock, Timer

QUIET_FOR_S = 1.0
"""What is done by then needs no sign."""
_terminal = Lock()
"""Held by the one sign that a terminal shows at a time."""


class Progress:
    """Tells how far it is."""

    def __init__(self, text: str) -> None:
        from rich.console import Console
        from rich.status import Status

        self._status = Status(text, console=Console(stderr=True))
        self._timer = Timer(QUIET_FOR_S, self._status.start)
        self._timer.daemon = True
        self._timer.start()

    def tell(self, text: str) -> None:
        """Show another text from now on."""
        self._status.update(text)

    def end(self) -> None:
        """Leave no trace at the terminal."""
        self._timer.cancel()
        self._timer.join()
        self._status.stop()


class Silence:
    """Where nobody looks."""

    def tell(self, text: str) -> None:
        """Say nothing."""


@contextmanager
def progress(text: str) -> Generator[Progress | Silence]:
    """Show `text` while the block runs; within another such block nothing, since that one tells more."""
    if not sys.stderr.isatty() or not _terminal.acquire(blocking=False):
        yield Silence()
        return
    with ExitStack() as afterwards:
        afterwards.callback(_terminal.release)
        shown = Progress(text)
        afterwards.callback(shown.end)
        yield shown
