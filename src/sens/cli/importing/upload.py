"""Bringing readings in by the API, from where an earlier run came to, whatever breaks meanwhile."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from sens.cli.client import Api, ApiAway, ImportMoved
from sens.cli.importing.ahead import ahead
from sens.cli.output import note
from sens.runtime.backoff import Backoff

MAX_CHUNK_READINGS = 5_000
CHUNKS_AHEAD = 2
MAX_TOO_LONG_TOLD = 5
KEPT_CHARS = 1_000
_WRAPPED_BYTES = 100
_WORKERS_TIMEOUT_S = 60.0
_ASK_EVERY_S = 0.2


class State(NamedTuple):
    """An import as the API tells it."""

    readings: int
    finished: bool
    pending: int
    stored: int
    duplicate: int
    conflict: int
    quarantined: int
    oldest_kept: str | None
    max_body_bytes: int


class Upload:
    """One import at the API.

    Args:
        path: of the import, below /api/v1/.
        all_readings: of the file, from its beginning, each as JSON.
        tell: told after each chunk how many readings are in.
    """

    def __init__(
        self, api: Api, path: str, all_readings: Callable[[], Iterator[list[bytes]]], tell: Callable[[int], None]
    ) -> None:
        self._api = api
        self._path = path
        self._all_readings = all_readings
        self._tell = tell
        self._max_bytes = 0
        self._too_long = set[str]()  # places in the file, the first ones

    def state(self) -> State:
        """How far the import is."""
        answer: dict[str, Any] = self._api.get(self._path)
        return State(**{name: answer[name] for name in State._fields})

    def send(self, state: State) -> int:
        """Send what is not in yet, then finish. Returns how many readings the file has.

        Waits while the API is away or cannot take more.
        """
        position, self._max_bytes = state.readings, state.max_body_bytes - _WRAPPED_BYTES
        while True:
            try:
                with closing(ahead(self._chunks(position), CHUNKS_AHEAD)) as chunks:
                    for chunk in chunks:
                        self._send_chunk(position, chunk)
                        position += len(chunk)
                        self._tell(position)
                self._patiently(partial(self._api.post, f"{self._path}/finish", {"readings": position}))
                return position
            except ImportMoved:  # another run goes on with it, too, or the log was set back
                position = self._patiently(self.state).readings

    def _send_chunk(self, before: int, chunk: list[bytes]) -> None:
        body = b'{"before":%d,"readings":[%b]}' % (before, b",".join(chunk))
        try:
            self._patiently(lambda: self._api.post_content(self._path, body))
        except ImportMoved:
            # One whose answer was lost is in all the same.
            if self._patiently(self.state).readings != before + len(chunk):
                raise

    def _chunks(self, position: int) -> Iterator[list[bytes]]:
        """All readings but the first ones, as much at once as the API takes."""
        chunk, size = list[bytes](), 0
        for whole in islice((each for some in self._all_readings() for each in some), position, None):
            reading = whole if len(whole) <= self._max_bytes else self._shortened(whole)
            if chunk and (size + len(reading) > self._max_bytes or len(chunk) == MAX_CHUNK_READINGS):
                yield chunk
                chunk, size = [], 0
            chunk.append(reading)
            size += len(reading) + 1
        if chunk:
            yield chunk

    def _shortened(self, reading: bytes) -> bytes:
        """In place of a reading that the API would not take: what can be said of it, for quarantine."""
        found: dict[str, Any] = msgspec.json.decode(reading)
        where = " ".join(f"{word} {found[word]}" for word in ("line", "row") if word in found)
        detail = f"a reading of {len(reading):,} bytes, and {self._max_bytes:,} can be taken"
        if where not in self._too_long and len(self._too_long) < MAX_TOO_LONG_TOLD:
            self._too_long.add(where)
            note(f"{where}: {detail}; its first characters go to quarantine")
        kept = {name: _beginning(value) for name, value in found.items() if name != "cells"}
        refused = {"reason": "invalid_value", "detail": f"{detail}; the first characters are kept"}
        return msgspec.json.encode(kept | {"refused": refused})

    @staticmethod
    def _patiently(ask: Callable[[], Any]) -> Any:
        """The answer, however long the API is away; Ctrl-C ends it, and the next run goes on."""
        told = ""
        for delay_s in Backoff(cap_s=5.0):
            try:
                return ask()
            except ApiAway as error:
                if str(error) != told:
                    told = str(error)
                    note(f"waiting: {told}")
                time.sleep(delay_s)
        raise AssertionError("delays never end")

    def wait_until_stored(self) -> State:
        """Until nothing is pending, or the workers seem to stand still."""
        state = self._patiently(self.state)
        moved_at = time.monotonic()
        while state.pending and time.monotonic() < moved_at + _WORKERS_TIMEOUT_S:
            time.sleep(_ASK_EVERY_S)
            before, state = state, self._patiently(self.state)
            moved_at = time.monotonic() if state.pending != before.pending else moved_at
        return state


def _beginning(value: Any) -> Any:
    return value[:KEPT_CHARS] if isinstance(value, str) else value
