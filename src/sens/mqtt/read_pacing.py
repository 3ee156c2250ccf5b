"""Fewer, larger reads at high rates: a broker that writes message by message wakes its reader as often.

Each read costs some 10 µs, whatever it brings; at 40,000 messages a second that was more than all other
work on them. So where small reads come thick, the socket rests between two reads, and the kernel gathers.
Pure: times, in seconds of any one clock, are given.
"""

REST_S = 0.002
SMALL_READ_BYTES = 8 * 1024
"""Reads above this are large enough as they are."""
READS_LOOKED_AT = 64
THICK_READS_PER_S = 4_000
"""More reads a second are gathered. A broker that holds a window of 20 messages stays below: it would only
be kept waiting."""
THIN_READ_BYTES = 1_024
"""A gathered read that brought less shows that the rate has fallen."""


class ReadPacing:
    """Watches the reads of one connection."""

    def __init__(self, now: float) -> None:
        self._resting = False
        self._reads = 0
        self._since = now

    def rest_s(self, now: float, size: int) -> float:
        """How long to leave the socket alone after a read of `size` bytes; 0: not at all."""
        if size >= SMALL_READ_BYTES:
            return 0.0
        if self._resting:
            self._resting = size >= THIN_READ_BYTES
            return REST_S if self._resting else 0.0
        self._reads += 1
        if self._reads < READS_LOOKED_AT:
            return 0.0
        self._resting = self._reads > THICK_READS_PER_S * (now - self._since)
        self._reads, self._since = 0, now
        return REST_S if self._resting else 0.0
