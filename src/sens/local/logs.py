"""A part's log file: the part writes it itself, so it goes on whatever happens to the supervisor."""

import json
import shutil
from pathlib import Path
from typing import IO, Any, cast

MAX_LOG_BYTES = 16 * 1024 * 1024
_TAIL_BYTES = 8192
_REASON_CHARACTERS = 300
_ERROR_LEVELS = ("error", "critical")


class LogFile:
    """`<name>.log`, and in `<name>.log.1` what came before it."""

    def __init__(self, folder: Path, name: str, max_bytes: int = MAX_LOG_BYTES) -> None:
        self.path = folder / f"{name}.log"
        self._previous = folder / f"{name}.log.1"
        self._max_bytes = max_bytes

    def rotate(self) -> None:
        """Begin a new file."""
        if self.path.exists():
            self.path.replace(self._previous)

    def open(self) -> IO[bytes]:
        """For the part to write to, always at the end."""
        return self.path.open("ab")

    def bound(self) -> None:
        """Keep the file small while it is written to: copied, then emptied.

        What is written between the two is lost; a part cannot be asked to open its log again.
        """
        if self.path.exists() and self.path.stat().st_size > self._max_bytes:
            shutil.copyfile(self.path, self._previous)
            with self.path.open("r+b") as file:
                file.truncate()

    def last_error(self) -> str:
        """What was said last of something wrong, for a person: why a part ended is mostly there."""
        if not self.path.exists():
            return ""
        with self.path.open("rb") as file:
            file.seek(max(self.path.stat().st_size - _TAIL_BYTES, 0))
            lines = file.read().decode(errors="replace").splitlines()
        errors = (_error(line.strip()) for line in reversed(lines))
        return next(filter(None, errors), "")[:_REASON_CHARACTERS]


def _error(line: str) -> str:
    """Of a JSON log line that tells of an error, its event and the error; "" of any other; other lines as they are."""
    try:
        entry: object = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict):
        return line
    fields = cast(dict[str, Any], entry)
    exception = str(fields.get("exception") or "").strip().splitlines()
    if not exception and fields.get("level") not in _ERROR_LEVELS:
        return ""
    words = [fields.get("event") or fields.get("message"), fields.get("error"), exception[-1] if exception else None]
    return ": ".join(str(word) for word in words if word)
