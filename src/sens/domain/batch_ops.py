"""Cutting a batch: without some envelopes, or with some messages sent to quarantine instead. Pure."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sens.domain.batch import Batch, Outcome, Quarantined
from sens.domain.columns import Int32

Mask = NDArray[np.bool_]


def keep_envelopes(batch: Batch, keep: Mask) -> Batch:
    """The batch with only the envelopes where `keep` (bool[E]) holds, and their messages and readings."""
    kept_messages = keep[batch.message_envelope]
    kept_readings = kept_messages[batch.reading_message]
    message_index, places = _new_index(kept_messages), np.flatnonzero(kept_messages).tolist()
    return replace(
        batch,
        envelopes=[batch.envelopes[i] for i in np.flatnonzero(keep).tolist()],
        message_envelope=_new_index(keep)[batch.message_envelope[kept_messages]],
        message_position=batch.message_position[kept_messages],
        outcome=batch.outcome[kept_messages],
        received_at=batch.received_at[kept_messages],
        retained=batch.retained[kept_messages],
        topics=[batch.topics[i] for i in places],
        payloads=[batch.payloads[i] for i in places],
        reading_message=message_index[batch.reading_message[kept_readings]],
        series=batch.series[kept_readings],
        time=batch.time[kept_readings],
        value=batch.value[kept_readings],
        texts=_kept_texts(batch, kept_readings),
        quarantined=[
            q._replace(message=int(message_index[q.message])) for q in batch.quarantined if kept_messages[q.message]
        ],
    )


def quarantine_messages(batch: Batch, refused: Sequence[Quarantined]) -> Batch:
    """The batch with the refused messages' readings taken out and the messages sent to quarantine.

    Args:
        refused: each message at most once, none that is in quarantine already.
    """
    messages = np.array([q.message for q in refused], np.int32)
    outcome = batch.outcome.copy()
    outcome[messages] = Outcome.QUARANTINED
    kept_readings = ~np.isin(batch.reading_message, messages)
    return replace(
        batch,
        outcome=outcome,
        reading_message=batch.reading_message[kept_readings],
        series=batch.series[kept_readings],
        time=batch.time[kept_readings],
        value=batch.value[kept_readings],
        texts=_kept_texts(batch, kept_readings),
        quarantined=[*batch.quarantined, *refused],
    )


def _new_index(keep: Mask) -> Int32:
    """Old index → new index, where kept."""
    return (np.cumsum(keep) - 1).astype(np.int32)


def _kept_texts(batch: Batch, keep: Mask) -> dict[int, str]:
    if not batch.texts:
        return {}
    index = _new_index(keep)
    return {int(index[at]): text for at, text in batch.texts.items() if keep[at]}
