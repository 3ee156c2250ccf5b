"""The ledger's arithmetic: every message and every reading ends as exactly one thing.

    received = decoded + ignored + quarantined + pending          (messages)
    readings decoded = stored + duplicate + conflict              (readings)

`received` comes from the log's running totals, the rest from the database, so neither has to be
trusted: the two sides must meet.
"""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class ReadingCounts:
    """What became of decoded readings."""

    decoded: int = 0
    stored: int = 0
    duplicate: int = 0
    conflict: int = 0

    def __add__(self, other: "ReadingCounts") -> "ReadingCounts":
        return ReadingCounts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def balanced(self) -> bool:
        return self.decoded == self.stored + self.duplicate + self.conflict


@dataclass(frozen=True, slots=True)
class MessageCounts:
    """What became of messages that the telemetry worker has settled."""

    decoded: int = 0
    ignored: int = 0
    quarantined: int = 0

    def __add__(self, other: "MessageCounts") -> "MessageCounts":
        return MessageCounts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def settled(self) -> int:
        return self.decoded + self.ignored + self.quarantined


@dataclass(frozen=True, slots=True)
class Balance:
    """The ledger of one source, or of all.

    Attributes:
        received: messages, by the running totals of the log's last envelopes.
        messages, readings: what the database says became of them.
        lost: messages that the log or the database once had and has no more (a store restored to an
            older copy, a stream that went backwards, an envelope that vanished before it was stored).
    """

    received: int
    messages: MessageCounts
    readings: ReadingCounts
    lost: int = 0

    @property
    def pending(self) -> int:
        """Messages in the log that the database does not have yet."""
        return max(0, self.received - self.messages.settled - self.lost)

    @property
    def balanced(self) -> bool:
        return self.lost == 0 and self.received >= self.messages.settled and self.readings.balanced

    def __add__(self, other: "Balance") -> "Balance":
        return Balance(
            self.received + other.received,
            self.messages + other.messages,
            self.readings + other.readings,
            self.lost + other.lost,
        )
