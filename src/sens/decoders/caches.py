"""A cache with a bound. What it holds can always be made again, so it is simply emptied when full."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

MAX_CACHE_BYTES = 32 * 1024 * 1024
"""How much each cache of a decoder may hold, by estimate. Tens of thousands of message shapes fit; a sender
that makes up new names endlessly costs time (each is checked and built anew), never memory."""


class BoundedCache(Generic[K, V]):
    """Key to value, emptied as a whole when the estimated size passes the limit.

    Values handed out before stay valid: a shape made again is another object with equal fields, which
    whoever caches by identity looks up once more.

    Attributes:
        get: the value of a key, or None. A bound method of a dict, for hot loops.
    """

    __slots__ = ("_known", "_limit_bytes", "_size_bytes", "get")

    def __init__(self, limit_bytes: int = MAX_CACHE_BYTES) -> None:
        self._known: dict[K, V] = {}
        self._limit_bytes = limit_bytes
        self._size_bytes = 0
        self.get = self._known.get

    def put(self, key: K, value: V, size_bytes: int) -> V:
        """Keep `value`, of about `size_bytes` with its key; returns it."""
        if self._size_bytes + size_bytes > self._limit_bytes:
            self._known.clear()
            self._size_bytes = 0
        self._known[key] = value
        self._size_bytes += size_bytes
        return value

    def __len__(self) -> int:
        return len(self._known)
