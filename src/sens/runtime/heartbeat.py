"""Whether the event loop turns, and how late it is."""

import asyncio
import time

from sens.runtime import metrics

INTERVAL_S = 0.5
MAX_AGE_S = 10.0


class Heartbeat:
    """A task that wakes twice a second. `alive` is false when it has not for ten seconds."""

    def __init__(self) -> None:
        self._beat_at = time.monotonic()

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._beat_at

    @property
    def alive(self) -> bool:
        return self.age_s < MAX_AGE_S

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self._beat_at = time.monotonic()
            await asyncio.sleep(INTERVAL_S)
            metrics.LOOP_LAG_SECONDS.observe(max(0.0, self.age_s - INTERVAL_S))
