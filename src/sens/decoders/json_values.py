"""Many JSON payloads turned into Python values together: one call of the parser for hundreds of payloads."""

import secrets
from collections.abc import Sequence
from typing import Any

import msgspec

from sens.decoders.options import DecoderOptions
from sens.domain.columns import Rejection
from sens.domain.errors import Reject
from sens.domain.reasons import Reason

PAYLOADS_PER_ARRAY = 512
"""Enough that the call of the parser costs nothing a payload, few enough that one bad payload makes few others
be parsed twice and that the values fit the processor's cache (512 is as fast as 256 and 1,024, and
half again as fast as 8,000)."""

# The payloads are joined into one array, and between any two of them stands this number. A payload that is not
# exactly one JSON value could otherwise go unseen: `{"a":1},{"a":2}` is two, `[1` and `2]` are one between them, and
# an array of the expected length proves nothing when such payloads make up for each other. The number is drawn
# at random, so no sender can write it. Then the joined text holds it as often as we put it there, and when the array
# has 2N-1 items with the number at every second place, each of ours stands between two items of the outermost
# array, none inside a string, an object or an inner array; so between two of them lies exactly one value, which is
# exactly one payload.
_BETWEEN = secrets.randbits(62) | 1 << 61
_SEPARATOR = b",%d," % _BETWEEN

_decoder = msgspec.json.Decoder()


def parse_payloads(payloads: Sequence[bytes], options: DecoderOptions) -> tuple[list[Any], dict[int, Rejection]]:
    """The values of the payloads that have one, in order, and for the others the rejections by index.

    Of a key that an object holds twice the last counts.
    """
    values = _parse_joined(payloads) if max(map(len, payloads)) <= options.max_payload_bytes else None
    if values is not None:
        return values, {}
    values, rejections = list[Any](), dict[int, Rejection]()
    for message, payload in enumerate(payloads):
        try:
            values.append(parse_payload(payload, options))
        except Reject as error:
            rejections[message] = Rejection(error.reason, error.detail)
    return values, rejections


def _parse_joined(payloads: Sequence[bytes]) -> list[Any] | None:
    """N values, or None if any payload is not exactly one JSON value."""
    try:
        items: list[Any] = _decoder.decode(b"[" + _SEPARATOR.join(payloads) + b"]")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    between = len(payloads) - 1
    if len(items) != 2 * between + 1 or items[1::2].count(_BETWEEN) != between:
        return None
    return items[::2]


def parse_payload(payload: bytes, options: DecoderOptions) -> Any:
    """The value of one payload.

    Raises:
        Reject: EMPTY_PAYLOAD, TOO_LONG, INVALID_SYNTAX, NOT_FINITE, TOO_DEEP.
    """
    options.check_payload(payload)
    try:
        return _decoder.decode(payload)
    except msgspec.ValidationError as error:  # without a type to validate against, only a number can be out of range
        raise Reject(Reason.NOT_FINITE, "a number is too large for a 64-bit float") from error
    except msgspec.DecodeError as error:
        raise Reject(Reason.INVALID_SYNTAX, str(error)) from error
    except UnicodeDecodeError as error:
        raise Reject(Reason.INVALID_SYNTAX, "a text or name is not UTF-8") from error
    except RecursionError as error:
        raise Reject(Reason.TOO_DEEP, "nested deeper than the parser goes") from error
