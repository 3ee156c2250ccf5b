"""Batches for the store, written out message by message."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sens.domain.batch import Batch, EnvelopeEntry, Outcome, Quarantined
from sens.domain.reasons import Reason

# Monday 2026-01-05 00:00 UTC: the start of a partition.
MONDAY = 1_767_571_200_000_000
EPOCH_ID = b"epoch-01"


@dataclass
class Message:
    """(series, time, value) readings; or why the message is in quarantine; or an ignored one."""

    readings: Sequence[tuple[int, int, float | str]] = ()
    refused: tuple[Reason, str] | None = None
    ignored: bool = False
    topic: bytes = b"sens/boiler/telemetry"
    payload: bytes = b'{"t": 1}'

    @property
    def outcome(self) -> Outcome:
        return Outcome.QUARANTINED if self.refused else Outcome.IGNORED if self.ignored else Outcome.DECODED


@dataclass
class Envelope:
    """An envelope's messages."""

    messages: Sequence[Message]
    source_id: int = 1
    id: bytes = field(default_factory=lambda: os.urandom(16))
    sequence: int = 1
    received_at: int = MONDAY
    total: int | None = None

    @property
    def running_total(self) -> int:
        return self.total or len(self.messages)


def batch_of(*envelopes: Envelope) -> Batch:
    """The envelopes as the telemetry worker would decode them."""
    messages = [(e, position, m) for e, env in enumerate(envelopes) for position, m in enumerate(env.messages)]
    readings = [(at, *reading) for at, (_, _, message) in enumerate(messages) for reading in message.readings]
    return Batch(
        envelopes=[
            EnvelopeEntry(
                e.id, e.source_id, "exclusive", EPOCH_ID, e.sequence, e.received_at, e.total or len(e.messages)
            )
            for e in envelopes
        ],
        message_envelope=np.array([e for e, _, _ in messages], np.int32),
        message_position=np.array([position for _, position, _ in messages], np.int32),
        outcome=np.array([m.outcome for _, _, m in messages], np.uint8),
        received_at=np.array([envelopes[e].received_at + position for e, position, _ in messages], np.int64),
        retained=np.zeros(len(messages), np.bool_),
        topics=[m.topic for _, _, m in messages],
        payloads=[m.payload for _, _, m in messages],
        reading_message=np.array([at for at, *_ in readings], np.int32),
        series=np.array([series for _, series, _, _ in readings], np.int32),
        time=np.array([time for _, _, time, _ in readings], np.int64),
        value=np.array([0.0 if isinstance(v, str) else v for *_, v in readings], np.float64),
        texts={at: v for at, (*_, v) in enumerate(readings) if isinstance(v, str)},
        quarantined=[Quarantined(at, *m.refused) for at, (_, _, m) in enumerate(messages) if m.refused],
    )


def steady_batch(
    start: int, *, envelopes: int = 4, messages: int = 50, series: int = 3, first_series: int = 1
) -> Batch:
    """Messages of `series` readings a µs apart from `start` on, without anything special."""
    return batch_of(
        *(
            Envelope(
                [
                    Message([(first_series + s, start + e * messages + m, float(s)) for s in range(series)])
                    for m in range(messages)
                ]
            )
            for e in range(envelopes)
        )
    )
