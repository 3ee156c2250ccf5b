"""What a user of the receiver provides."""

from typing import Protocol

from sens.domain.errors import SensError
from sens.mqtt.packets import ConnectAck
from sens.mqtt.scanner import Oversize, Publishes


class Handler(Protocol):
    """What a receiver does with what comes. Called in the event loop; no method may block.

    `connected` comes first and once, then the others in any order, `closed` last and once. None is
    called for a connection that the broker refuses.
    """

    def connected(self, ack: ConnectAck) -> None:
        """The broker accepted the connection. Queued messages may follow before any subscription."""
        ...

    def received(self, piece: Publishes) -> None:
        """Messages came. Acknowledge them when they are safe."""
        ...

    def oversize(self, oversize: Oversize) -> None:
        """A message larger than the limit came, and was dropped but for its first bytes."""
        ...

    def settled(self) -> None:
        """The broker answered the oldest unanswered `ping()`: it has read all that was sent before that."""
        ...

    def closed(self, error: SensError | None) -> None:
        """The connection ended; `error` says why, None that we ended it."""
        ...
