"""A time in which no live update was missed, and who follows its readings."""

import asyncio
import secrets
import time
from collections import defaultdict, deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from sens.platform_api.live.filter import FilterIndex, LiveFilter
from sens.platform_api.live.log import LiveLog, LiveReading

RESUMABLE_S: Final = 60.0
"""Whoever was away for longer has to query what it missed."""
MAX_READINGS: Final = 50_000
"""With more series than that in `RESUMABLE_S`, a client has to be back sooner."""


class View:
    """The readings of one filter, for all clients that have it.

    Attributes:
        since: `log` has all that came after the reading with this number.
        followers: how many they are.
    """

    def __init__(self, which: LiveFilter, log: LiveLog, since: int) -> None:
        self.which = which
        self.log = log
        self.since = since
        self.followers = 0
        self._changed = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Until there are more readings, the epoch ends, or so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class Epoch:
    """Live readings, numbered; a place in them is told to clients as the id of an event.

    Attributes:
        number: of the newest reading.
        ended: updates may have been missed, or the process ends: clients have to begin anew.
    """

    def __init__(self) -> None:
        self.number = 0
        self.ended = False
        self._name = secrets.token_hex(4)
        self._log = LiveLog(self._name)
        self._views: dict[LiveFilter, View] = {}
        self._index = FilterIndex[View]()
        self._forgotten = 0
        # When windows ended, and which reading was the newest then.
        self._ends = deque[tuple[float, int]]()

    def add(self, window: Sequence[LiveReading]) -> None:
        """Give readings, numbered from `number` on, to those that want them."""
        wanted = defaultdict[View, list[LiveReading]](list)
        for reading in window:
            for view in self._index.wanting(reading.series):
                wanted[view].append(reading)
        self._log.add(window)
        self.number = window[-1].number
        for view, readings in wanted.items():
            view.log.add(readings)
            view.wake()
        self._forget()

    def _forget(self) -> None:
        self._ends.append((time.monotonic(), self.number))
        self._forgotten = max(self.oldest(), self._log.excess(MAX_READINGS))
        for log in (self._log, *(view.log for view in self._views.values())):
            log.forget(self._forgotten)

    def oldest(self) -> int:
        """Whoever has everything up to the reading with this number can be given the rest."""
        while self._ends and self._ends[0][0] < time.monotonic() - RESUMABLE_S:
            self._forgotten = max(self._forgotten, self._ends.popleft()[1])
        return self._forgotten

    def id_of(self, number: int) -> bytes:
        """The id of a place."""
        return b"%s-%d" % (self._name.encode(), number)

    def number_of(self, event_id: str) -> int | None:
        """The place with that id; None: it is none of this epoch."""
        name, _, number = event_id.rpartition("-")
        known = name == self._name and number.isascii() and number.isdigit() and len(number) < 20
        return int(number) if known and int(number) <= self.number else None

    @contextmanager
    def follow(self, which: LiveFilter, since: int) -> Generator[View]:
        """What fits of that which came after the reading with the number `since`, and comes within the block."""
        view = self._views.get(which)
        if view is None:
            view = self._views[which] = View(which, LiveLog(self._name), self.number)
            self._index.add(view)
        if since < view.since:  # it was away: whoever begins now needs nothing of before, and need not look for it
            readings = (reading for reading in self._log.readings if which.fits(reading.series))
            view.log, view.since = LiveLog(self._name, readings), self._forgotten
        view.followers += 1
        try:
            yield view
        finally:
            view.followers -= 1
            if not view.followers:
                del self._views[which]
                self._index.remove(view)

    def end(self) -> None:
        """Have all who follow leave."""
        self.ended = True
        for view in self._views.values():
            view.wake()
