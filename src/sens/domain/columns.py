"""Readings in columns: what decoders return and the store takes. Nothing here is per reading.

A message's *shape* is which fields it carries, in order. Messages repeat a few shapes endlessly, so
shapes are interned: the telemetry worker looks up (topic, shape) once and gets all series ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sens.domain.reasons import Reason

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]

NO_TIME = int(np.iinfo(np.int64).min)
"""Stands in a column of times for "the reading bears none: use the receive time"."""

_DAY = 86_400_000_000
OLDEST_TIME = (date(1, 7, 1) - date(1970, 1, 1)).days * _DAY
NEWEST_TIME = (date(9999, 7, 1) - date(1970, 1, 1)).days * _DAY
"""What both Python and PostgreSQL can name, with room for a partition at each end."""


class Kind(IntEnum):
    """What a series holds. Stored on the series: never renumber."""

    NUMBER = 0
    BOOLEAN = 1  # stored as 0 and 1
    TEXT = 2


class Field(NamedTuple):
    """One reading's place in a message.

    Attributes:
        device: the device that the payload names; None: the one that the topic names.
        metric: the metric that the payload names; "": the one that the topic names. Where both
            name one, they are joined by a dot, the topic's first.
        unit: UCUM or whatever was declared; "" if none.
        kind: what the value is.
    """

    device: str | None
    metric: str
    unit: str
    kind: Kind


class Shape:
    """An interned tuple of fields. Compared and hashed by identity, which costs next to nothing."""

    __slots__ = ("fields",)

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.fields = fields

    def __repr__(self) -> str:
        return f"Shape{self.fields!r}"


NOTHING = Shape(())
"""The shape of a message that was rejected."""


class Rejection(NamedTuple):
    """Why a message cannot be decoded; `detail` is for a person and names the place in the payload."""

    reason: Reason
    detail: str


@dataclass(slots=True)
class Decoded:
    """What a decoder made of N payloads: R readings, in message order, then in field order.

    A message may hold two values of one metric at one instant. No decoder judges that: the store keeps the first, and
    another one is a conflict, as it is between two messages.

    Attributes:
        shapes: N shapes. A message of shape s has `len(s.fields)` readings; a rejected one has
            `NOTHING` and none.
        values: float64[R]; 0.0 where the field is a text. All finite.
        times: int64[R], µs since 1970 UTC, or `NO_TIME`; None when no reading bears a time.
        texts: position in 0..R-1 → text, for fields of kind TEXT.
        rejections: message index in 0..N-1 → why.
    """

    shapes: list[Shape]
    values: Float64
    times: Int64 | None = None
    texts: dict[int, str] = field(default_factory=dict[int, str])
    rejections: dict[int, Rejection] = field(default_factory=dict[int, Rejection])


class Decoder(Protocol):
    """Turns payloads into readings. Pure: no clock, no I/O; state only as caches with a bound."""

    def decode(self, payloads: Sequence[bytes], received_at: Int64) -> Decoded:
        """Decode a whole batch. Never raises for what a payload holds: that is a rejection.

        Args:
            payloads: N payloads as received.
            received_at: int64[N], µs since 1970 UTC; for formats whose times are relative to it.
        """
        ...


class DecoderType(Protocol):
    """A payload format as it is registered: a name, its options, and a way to build a decoder."""

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> type[Any]:
        """A pydantic model of the options that the configuration may give."""
        ...

    def build(self, options: Any) -> Decoder: ...
