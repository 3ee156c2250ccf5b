"""A batch as the telemetry worker hands it to the store: envelopes, messages, readings, in columns.

Readings point at their message, messages at their envelope, all by index into the batch, so a batch
can be counted per envelope and bisected down to a message without a Python object per reading.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sens.domain.columns import Float64, Int32, Int64
from sens.domain.reasons import Reason


class Outcome(IntEnum):
    """What became of a message."""

    DECODED = 0
    IGNORED = 1
    QUARANTINED = 2


class EnvelopeEntry(NamedTuple):
    """An envelope's line in the ledger, before it is known what became of its readings.

    Attributes:
        id: 16 bytes, the ledger's key.
        source_id: the source's row.
        session, epoch: with the source, what `total` counts in.
        sequence: stream sequence, for replay.
        received_at: µs since 1970 UTC of its first message.
        total: running total of messages on its subject, this envelope included.
    """

    id: bytes
    source_id: int
    session: str
    epoch: bytes
    sequence: int
    received_at: int
    total: int


class Quarantined(NamedTuple):
    """A message that goes to quarantine; `message` is its index in the batch."""

    message: int
    reason: Reason
    detail: str


@dataclass(slots=True)
class Batch:
    """E envelopes with N messages and R readings, of which some are texts.

    Attributes:
        envelopes: E entries.
        message_envelope: int32[N], index into `envelopes`, ascending.
        message_position: int32[N], the message's place in its envelope, from 0.
        outcome: uint8[N] of `Outcome`.
        received_at: int64[N], µs since 1970 UTC.
        retained: bool[N], whether the broker sent it as a retained message.
        topics, payloads: N each, as received; for quarantine and for bisecting.
        reading_message: int32[R], index into messages, ascending.
        series: int32[R]. time: int64[R], µs since 1970 UTC. value: float64[R], 0.0 for texts.
        texts: position in 0..R-1 → text.
        quarantined: one for each message whose outcome is QUARANTINED.
        generation: of the database connections that gave the ids of sources and series: they are good over these.
    """

    envelopes: list[EnvelopeEntry]
    message_envelope: Int32
    message_position: Int32
    outcome: NDArray[np.uint8]
    received_at: Int64
    retained: NDArray[np.bool_]
    topics: list[bytes]
    payloads: list[bytes]
    reading_message: Int32
    series: Int32
    time: Int64
    value: Float64
    texts: dict[int, str] = field(default_factory=dict[int, str])
    quarantined: list[Quarantined] = field(default_factory=list[Quarantined])
    generation: int = 0
