"""Which acknowledgements the broker has surely read.

A PUBACK that was written may be lost with the connection; one that a PINGRESP followed was read,
because the broker reads in order. Messages up to `settled` can't be delivered again.

What came on an earlier connection is another matter: its PUBACKs may be lost, and the broker delivers it
again when it likes: mosquitto before it answers anything, nats-server when its `ack_wait` is over. So that is
held for a declared time, in which it is acknowledged as it comes.
"""

from typing import NamedTuple


class _Asked(NamedTuple):
    total: int
    settles: bool


class Settlement:
    """Counts in running totals of one subject and epoch; times are seconds of any steady clock. Only pings that
    were asked for here count (the connection tells them from its own keep-alive), one at a time.

    Args:
        redelivery_wait_s: for how long after a reconnect the broker may begin to deliver again.

    Attributes:
        settled: no message up to it can be delivered again.
        acknowledged: the acknowledgements of all messages up to it were written, on whatever connection.
        read: of the present connection's messages, the broker has read the acknowledgements up to it.
        held: whether messages of earlier connections may still be delivered again.
    """

    def __init__(self, settled: int, redelivery_wait_s: float) -> None:
        self.settled = settled
        self.acknowledged = settled
        self.read = settled
        self.held = False
        self._redelivery_wait_s = redelivery_wait_s
        self._held_until = 0.0
        self._asked: _Asked | None = None

    def to_ask(self, now: float) -> bool:
        """Whether a PINGREQ now would settle something."""
        if self._asked is not None:
            return False
        if self.held:
            return now >= self._held_until or self.acknowledged > self.read
        return self.acknowledged > self.settled

    def connected(self, total: int, now: float, *, may_come_again: bool) -> None:
        """A PINGREQ was written first thing on a new connection; messages up to `total` were on disk before.

        That ping settles nothing: some brokers deliver again before they answer it, so the acknowledgements
        of that come later.

        Args:
            may_come_again: whether the broker may deliver any of these messages again.
        """
        if not may_come_again:
            self.settled = total
        self.held = may_come_again
        self._held_until = now + self._redelivery_wait_s
        self.acknowledged = self.read = total
        self._asked = _Asked(total, settles=False)

    def wrote(self, total: int) -> None:
        """The acknowledgements of all messages up to `total` were written."""
        self.acknowledged = total

    def asked(self, now: float) -> None:
        """A PINGREQ was written."""
        self._asked = _Asked(self.acknowledged, settles=not self.held or now >= self._held_until)

    def answered(self) -> None:
        """Its PINGRESP came."""
        if self._asked is None:
            return
        self.read = max(self.read, self._asked.total)
        if self._asked.settles:
            self.settled = max(self.settled, self._asked.total)
            self.held = False
        self._asked = None

    def disconnected(self) -> None:
        """What was asked will not be answered."""
        self._asked = None
