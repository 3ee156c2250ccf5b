"""A stored batch, counted in metrics."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sens.domain.batch import Batch, Outcome
from sens.domain.columns import Int32
from sens.runtime import metrics
from sens.storage.write import WriteResult

Mask = NDArray[np.bool_]


def count_batch(batch: Batch, result: WriteResult, names: Mapping[int, str], now: int) -> None:
    """Count what became of a batch. Envelopes that were known already are left out.

    Args:
        names: source row → name.
        now: µs since 1970 UTC, when it was stored.
    """
    for phase, seconds in result.seconds.items():
        metrics.BATCH_SECONDS.labels(phase).observe(seconds)
    metrics.ENVELOPES_SKIPPED.inc(len(result.known))
    metrics.LATE_MARKS.inc(result.late_marks)
    metrics.QUARANTINE_CAPPED.inc(result.quarantine.overflowed)
    rows = np.array([entry.source_id for entry in batch.envelopes], np.int32)
    fresh = _fresh(batch, result)
    for row in np.unique(rows[fresh]).tolist():
        source = names.get(row, "")
        _count_messages(batch, fresh & (rows == row), source)
        # The result has a row of counts for each fresh envelope, in the batch's order.
        _count_readings(result, rows[fresh] == row, source)
    for entry, is_fresh in zip(batch.envelopes, fresh, strict=True):
        if is_fresh:
            metrics.STORE_DELAY_SECONDS.observe(max(0.0, (now - entry.received_at) / 1e6))


def _fresh(batch: Batch, result: WriteResult) -> Mask:
    """Which envelopes were stored now; of one that stands twice in the batch, the first copy was."""
    waiting = set(result.stored)
    fresh = np.zeros(len(batch.envelopes), np.bool_)
    for at, entry in enumerate(batch.envelopes):
        if entry.id in waiting:
            waiting.remove(entry.id)
            fresh[at] = True
    return fresh


def _count_messages(batch: Batch, envelopes: Mask, source: str) -> None:
    mine = envelopes[batch.message_envelope]
    outcomes = np.bincount(batch.outcome[mine], minlength=len(Outcome))
    metrics.MESSAGES_DECODED.labels(source).inc(int(outcomes[Outcome.DECODED]))
    metrics.MESSAGES_IGNORED.labels(source).inc(int(outcomes[Outcome.IGNORED]))
    reasons = Counter(q.reason.value for q in batch.quarantined if mine[q.message])
    for reason, count in reasons.items():
        metrics.MESSAGES_QUARANTINED.labels(source, reason).inc(count)


def _count_readings(result: WriteResult, envelopes: Mask, source: str) -> None:
    def total(column: Int32) -> int:
        return int(column[envelopes].sum())

    counts = result.counts
    for outcome, column in (("stored", counts.stored), ("duplicate", counts.duplicate), ("conflict", counts.conflict)):
        metrics.READINGS.labels(source, outcome).inc(total(column))
