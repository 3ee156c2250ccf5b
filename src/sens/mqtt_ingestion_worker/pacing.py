"""When to send the next envelope: at once at low rates, held a few milliseconds at high ones.

Small envelopes cost everybody: at 60,000 messages a second, sending at once makes envelopes of 47
messages, and NATS and the store spend three times the CPU on them. But a broker that keeps a small
in-flight window sends nothing more until it is acknowledged, so holding would only stall it: such a
window shows as a pause at the same number of unacknowledged messages, time and again.
"""

LINGER_S = 0.008
WORTH_HOLDING_MESSAGES = 64
PAUSES_THAT_SHOW_A_WINDOW = 3
_RATE_WEIGHT = 0.2


class Pacing:
    """Decides from what it is told; reads no clock. All times are seconds of one monotonic clock."""

    def __init__(self, linger_s: float = LINGER_S) -> None:
        self.linger_s = linger_s
        self.rate = 0.0
        self.window: int | None = None
        self._since_sent = 0
        self._sent_at: float | None = None
        self._first_at = 0.0
        self._last_at = 0.0
        self._pauses = 0
        self._paused_at_count = 0

    def arrived(self, now: float, messages: int, waiting: int) -> None:
        """`messages` more came; `waiting` are waiting now, these included."""
        if waiting == messages:
            self._first_at = now
        self._last_at = now
        self._since_sent += messages

    def due_at(self, waiting: int) -> float:
        """When what waits should be sent, if nothing more comes; a time past means at once."""
        if self.rate * self.linger_s < WORTH_HOLDING_MESSAGES and not self._bursting:
            return self._first_at
        if self.window is not None and waiting >= self.window:
            return self._first_at
        return self._first_at + self.linger_s

    @property
    def _bursting(self) -> bool:
        return self._since_sent >= WORTH_HOLDING_MESSAGES

    def sent(self, now: float, messages: int, *, full: bool) -> None:
        """An envelope of `messages` left, `full` if for want of room rather than of time."""
        if not full:
            self._look_for_window(now, messages)
        if self._sent_at is not None and now > self._sent_at:
            rate = self._since_sent / (now - self._sent_at)
            self.rate += _RATE_WEIGHT * (rate - self.rate)
        self._sent_at = now
        self._since_sent = 0

    def _look_for_window(self, now: float, messages: int) -> None:
        """Learn the broker's window from pauses; forget it when more came than it would allow."""
        if self.window is not None:
            if messages > self.window:
                self.window, self._pauses = None, 0
            return
        if messages > self._paused_at_count:
            self._pauses = 0
        # What was sent at once shows nothing: more might have come.
        held_in_vain = now - self._last_at >= self.linger_s / 2
        if not held_in_vain:
            return
        self._pauses = self._pauses + 1 if messages == self._paused_at_count else 1
        self._paused_at_count = messages
        if self._pauses >= PAUSES_THAT_SHOW_A_WINDOW:
            self.window = messages
