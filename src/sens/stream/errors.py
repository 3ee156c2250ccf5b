"""What NATS may answer, sorted by what the caller does next.

Retry
├── StreamAway         no connection or no answer: the outcome of a publish is unknown
├── StreamFull         the stream is at its limit: stop taking in, nothing old was removed
├── StreamMissing      the stream or consumer is gone: make it again, then call again
└── SequenceMismatch   somebody else wrote to the subject: read its tail, then decide
Reject
└── PayloadTooLarge    more bytes than the server takes in one message
Fatal
└── StreamRefused      NATS says no to what we are or ask: a person must act
"""

from typing import Final

from sens.domain.errors import Fatal, Reject, Retry, SensError
from sens.domain.reasons import Reason


class StreamAway(Retry):
    """NATS is not reachable or did not answer in time. What was asked may have been done or not."""


class StreamFull(Retry):
    """The stream has reached its limit in bytes, or the server its disk. The message was not stored."""


class StreamMissing(Retry):
    """The stream or consumer does not exist (any more). The message was not stored."""


class SequenceMismatch(Retry):
    """The subject's last sequence is not the expected one. The message was not stored."""


class PayloadTooLarge(Reject):
    """The message is larger than the server's `max_payload`. It was not sent."""

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            Reason.OVERSIZE,
            f"{size_bytes} bytes, the NATS server takes {limit_bytes}: raise its max_payload or send less at once",
        )


class StreamRefused(Fatal):
    """NATS refuses our credentials, a setting, or a stream that somebody made otherwise."""


# Error codes of JetStream's API: https://github.com/nats-io/nats-server/blob/main/server/errors.json
NO_MESSAGE_FOUND: Final = 10037
_WRONG_LAST_SEQUENCE = {10071, 10164}
_FULL = {10002, 10023, 10028, 10047, 10077}
_MISSING = {10014, 10059}
_NOT_ENABLED_FOR_ACCOUNT = 10039


def from_api(code: int, error_code: int, description: str) -> SensError:
    """The error for what JetStream's API answered.

    Args:
        code: the HTTP-like class of the error.
        error_code: JetStream's own number.
        description: JetStream's text.
    """
    text = f"NATS says: {description} (error {error_code})"
    if error_code in _WRONG_LAST_SEQUENCE:
        return SequenceMismatch(text)
    if error_code in _FULL:
        return StreamFull(f"{text}; make room, or raise the stream's or the server's limit")
    if error_code in _MISSING:
        return StreamMissing(text)
    if error_code == _NOT_ENABLED_FOR_ACCOUNT:
        return StreamRefused(f"{text}; enable JetStream for the account that SENS logs in to")
    if code > 500:
        return StreamAway(text)
    return StreamRefused(text)
