"""Which acknowledgements the broker has surely read.

A PUBACK that was written may be lost with the connection; one that a PINGRESP followed was read,
because the broker reads in order. Messages up to `settled` can't be delivered again.
"""


class Settlement:
    """Counts in running totals of one subject and epoch. Only pings that were asked for here count
    (the connection tells them from its own keep-alive), one at a time."""

    def __init__(self, settled: int) -> None:
        self.settled = settled
        self._acknowledged = settled
        self._asked: int | None = None

    @property
    def to_ask(self) -> bool:
        """Whether a PINGREQ now would settle something."""
        return self._asked is None and self._acknowledged > self.settled

    def connected(self, total: int) -> None:
        """A PINGREQ was written first thing on a new connection.

        The broker delivers again, before it answers, what it has no acknowledgement for; we acknowledge
        that as it comes. So only a ping after that answer settles what was on disk before, up to `total`.
        """
        self._asked = self.settled
        self._acknowledged = total

    def acknowledged(self, total: int) -> None:
        """The acknowledgements of all messages up to `total` were written."""
        self._acknowledged = total

    def asked(self) -> None:
        """A PINGREQ was written."""
        self._asked = self._acknowledged

    def answered(self) -> None:
        """Its PINGRESP came."""
        if self._asked is not None:
            self.settled = max(self.settled, self._asked)
            self._asked = None

    def disconnected(self) -> None:
        """What was asked will not be answered."""
        self._asked = None
