"""A token bucket: how many messages may leave now. Pure: time is an argument."""


class TokenBucket:
    """Gives `rate` tokens a second; unused ones are kept for at most `burst_s` seconds.

    Times are seconds of any clock that only moves forward.
    """

    def __init__(self, rate: float, now: float, burst_s: float = 0.25) -> None:
        self._rate = rate
        # The begun token comes on top: else a slow rate would lose it at each look.
        self._limit = rate * burst_s + 1
        self._tokens = 0.0
        self._filled_at = now

    def take(self, now: float, limit: int) -> int:
        """Take what is there, at most `limit`."""
        self._tokens = min(self._tokens + (now - self._filled_at) * self._rate, self._limit)
        self._filled_at = now
        taken = min(int(self._tokens), limit)
        self._tokens -= taken
        return taken

    def wait_s(self, most: float) -> float:
        """Seconds until the next whole token, at most `most`."""
        return min(max(1 - self._tokens, 0.0) / self._rate, most)
