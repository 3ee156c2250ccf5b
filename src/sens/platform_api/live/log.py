"""The newest live readings, out of which each client is given what it has not got yet. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

from sens.storage.read_devices import Series

MAX_EVENT_BYTES: Final = 128 * 1024
"""About what a connection takes before it has to wait for its client."""
_MAX_EVENTS: Final = 16
"""Made events that are kept for other clients with the same filter."""


@dataclass(frozen=True, slots=True)
class LiveReading:
    """A reading on its way to clients.

    Attributes:
        number: readings are counted in the order in which they are given out.
        time_us: its time, µs.
        json: what clients get, made once for all of them.
    """

    number: int
    time_us: int
    series: Series
    json: bytes


class LiveEvent(NamedTuple):
    """Some readings as an event. `number`: whoever has got it has everything up to this one."""

    data: bytes
    number: int


class LiveLog:
    """Of each series the newest reading, and where older ones came after it, the last of them.

    In the order in which they came: a client that has everything up to a number is given what stands after it. So
    a client that is slow or was away costs no memory, and gets the newest of what it missed.

    Attributes:
        last: number of the last reading that was added.
    """

    def __init__(self, epoch: str, readings: Iterable[LiveReading] = ()) -> None:
        self._epoch = epoch.encode()
        self._kept: dict[int, LiveReading] = {}
        self._events: dict[int, LiveEvent] = {}
        self._window = range(0)
        self.last = 0
        for reading in readings:
            self._put(reading)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def readings(self) -> Iterable[LiveReading]:
        """All, in the order in which they came."""
        return self._kept.values()

    def add(self, window: Sequence[LiveReading]) -> None:
        """Add readings with numbers above all before."""
        self._window = range(self.last, window[0].number)
        self._events.clear()
        for reading in window:
            self._put(reading)

    def _put(self, reading: LiveReading) -> None:
        key = reading.series.id
        newest = self._kept.get(key)
        if newest is not None and reading.time_us < newest.time_us:
            # It came late: in a place of its own, so that whoever was away still gets the newest.
            key = ~key
        else:
            self._kept.pop(~key, None)
        self._kept.pop(key, None)  # so that it comes to stand at the end
        self._kept[key] = reading
        self.last = reading.number

    def after(self, number: int) -> LiveEvent | None:
        """The next readings after a number, at most some `MAX_EVENT_BYTES` of them; None: there are none."""
        if number >= self.last:
            return None
        # Whoever had everything before the last window gets the same, whenever it got that.
        begin = self._window.start if number in self._window else number
        event = self._events.get(begin)
        if event is None:
            if len(self._events) >= _MAX_EVENTS:
                self._events.clear()
            event = self._events[begin] = self._event(begin)
        return event

    def _event(self, number: int) -> LiveEvent:
        waiting, size = list[LiveReading](), 0
        for reading in reversed(self._kept.values()):
            if reading.number <= number:
                break
            waiting.append(reading)
        for count, reading in enumerate(reversed(waiting)):
            size += len(reading.json)
            if size > MAX_EVENT_BYTES and count:
                del waiting[: len(waiting) - count]
                break
        waiting.reverse()
        last = waiting[-1].number
        readings = b",".join([reading.json for reading in waiting])
        return LiveEvent(
            b'event: readings\nid: %s-%d\ndata: {"readings":[%s]}\n\n' % (self._epoch, last, readings), last
        )

    def forget(self, until: int) -> None:
        """Drop readings up to a number: nobody is given them any more."""
        old = list[int]()
        for key, reading in self._kept.items():
            if reading.number > until:
                break
            old.append(key)
        for key in old:
            del self._kept[key]

    def excess(self, most: int) -> int:
        """Up to which number to forget, so that at most so many readings are left."""
        over = len(self._kept) - most
        return next(islice(self._kept.values(), over - 1, None)).number if over > 0 else 0
