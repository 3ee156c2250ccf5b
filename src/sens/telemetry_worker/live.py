"""Live updates: the newest reading of each series of a stored batch, sent on plain NATS by source."""

import msgspec
import numpy as np

from sens.domain.batch import Batch
from sens.domain.columns import Int32
from sens.domain.envelope import is_import
from sens.storage.write import WriteResult
from sens.stream.live import LivePublisher, LiveUpdate, live_subject

MAX_UPDATES = 2_000
"""Series in one update of one source; more are cut: who needs every reading queries it."""


_encode = msgspec.json.Encoder().encode


async def publish_live(publisher: LivePublisher, names: dict[int, str], batch: Batch, result: WriteResult) -> None:
    """Send what a batch brought. What was imported is no news.

    Args:
        names: source row → name.
    """
    sources = _source_of_series(batch)
    for source_id in np.unique(sources[sources > 0]).tolist():
        update = LiveUpdate([], [], [])
        for latest in (result.latest_numbers, result.latest_texts):
            chosen = sources[latest.series] == source_id
            update.series += latest.series[chosen][:MAX_UPDATES].tolist()
            update.time += latest.time[chosen][:MAX_UPDATES].tolist()
            update.value += latest.value[chosen][:MAX_UPDATES].tolist()
        if update.series:
            await publisher.publish(live_subject(names.get(source_id, "")), _encode(update))


def _source_of_series(batch: Batch) -> Int32:
    """Series id → source row; 0 where the batch has no reading of the series from a broker."""
    rows = [0 if is_import(entry.session) else entry.source_id for entry in batch.envelopes]
    sources = np.zeros(int(batch.series.max(initial=0)) + 1, np.int32)
    if len(batch.series):
        of_reading = np.array(rows, np.int32)[batch.message_envelope[batch.reading_message]]
        sources[batch.series[of_reading > 0]] = of_reading[of_reading > 0]
    return sources
