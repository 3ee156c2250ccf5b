"""What one source's worker tells about itself, for the API and `sens up`: state, last error, rates."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sens.sources.models import Source


@dataclass(slots=True)
class Report:
    """Mutable; `as_dict()` is published every few seconds.

    Attributes:
        state: `starting`, `standby`, `connected` or `away`.
        since: µs since 1970 UTC of the last change of state.
        warnings: what the broker of the last connection grants less than declared, and may have lost.
        received: tells how many messages came since the source was last claimed.
    """

    source: Source
    instance: str
    state: str = "starting"
    since: int = field(default_factory=lambda: time.time_ns() // 1000)
    last_error: str = ""
    warnings: list[str] = field(default_factory=list[str])
    received: Callable[[], int] = lambda: 0

    def change(self, state: str, error: str = "") -> None:
        """Note a state; an error stays until the next one, so that it can be read."""
        if state != self.state:
            self.state = state
            self.since = time.time_ns() // 1000
        self.last_error = error or self.last_error

    def as_dict(self) -> dict[str, Any]:
        return {
            "instance": self.instance,
            "state": self.state,
            "since": self.since,
            "broker": self.source.broker,
            "mode": self.source.mode,
            "topics": [filter_ for filter_, _ in self.source.filters],
            "last_error": self.last_error,
            "warnings": self.warnings,
            "received_messages": self.received(),
        }
