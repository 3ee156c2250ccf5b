"""When to ping a broker, and when to give it up. Pure: times, in seconds of any one clock, are given."""

from collections import deque
from enum import Enum

DEAD_AFTER = 1.5
"""In keep alives: how long a broker may be silent. It allows itself as much."""


class Due(Enum):
    """What must be done now."""

    NOTHING = 0
    PING = 1
    CLOSE = 2


class KeepAlive:
    """Watches one connection.

    Args:
        keep_alive_s: as agreed with the broker; 0 asks for nothing, ever.
    """

    def __init__(self, keep_alive_s: int, now: float) -> None:
        self.keep_alive_s = keep_alive_s
        self._sent_at = now
        self._received_at = now
        self._asked: deque[bool] = deque()  # for each unanswered ping: was it asked for

    @property
    def interval_s(self) -> float:
        """How often `due` wants to be asked."""
        return self.keep_alive_s / 4

    def sent(self, now: float) -> None:
        """Bytes were written."""
        self._sent_at = now

    def received(self, now: float) -> None:
        """Bytes came, or reading starts again after a pause."""
        self._received_at = now

    def pinged(self, *, asked: bool) -> None:
        """A PINGREQ is written, because our user asked for it or by ourselves."""
        self._asked.append(asked)

    def answered(self) -> bool | None:
        """A PINGRESP came: whether our user asked for it; None if nobody did."""
        return self._asked.popleft() if self._asked else None

    def due(self, now: float, *, reading: bool) -> Due:
        """What to do now. While we do not read, silence is not the broker's fault."""
        if not self.keep_alive_s:
            return Due.NOTHING
        silent_s = now - self._received_at if reading else 0.0
        if silent_s >= DEAD_AFTER * self.keep_alive_s and self._asked:
            return Due.CLOSE
        half = self.keep_alive_s / 2
        if now - self._sent_at >= half or (silent_s >= half and not self._asked):
            return Due.PING
        return Due.NOTHING
