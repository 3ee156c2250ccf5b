"""The error tree, sorted by what the caller does next.

    SensError
    ├── Retry    the same call may succeed later: wait, then call again
    ├── Reject   this input can never be accepted: quarantine it, go on with the next
    └── Fatal    nothing helps but a person: say what to do, end the process

Each package derives its own errors from one of the three and translates its driver's errors once,
at its edge; no caller catches a driver's exception.
"""

from sens.domain.reasons import Reason


class SensError(Exception):
    """Base of everything this project raises on purpose. The text says what happened and what to do."""


class Retry(SensError):
    """A server is away, busy or full; the same call may succeed later."""


class Reject(SensError):
    """An input that no retry can make acceptable.

    Attributes:
        reason: the stable code under which it is quarantined.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


class Fatal(SensError):
    """A wrong setting, schema or permission: a person must act before this process can work."""
