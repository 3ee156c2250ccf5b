"""A batch's rows for quarantine: undecodable messages, and those with readings in conflict. Pure."""

from collections.abc import Iterable

from sens.domain.batch import Batch
from sens.domain.reasons import Reason
from sens.storage.quarantine_intake import Entry
from sens.storage.readings import Rows, Stored
from sens.storage.times import timestamp

MAX_CONFLICTS_NAMED = 5


def quarantine_entries(batch: Batch, fates: Iterable[tuple[Rows, Stored]]) -> list[Entry]:
    """One for each quarantined message, and one for each message with conflicts, which stays decoded."""
    entries = [_entry(batch, q.message, q.reason, q.detail) for q in batch.quarantined]
    conflicts = dict[int, list[str]]()
    for rows, stored in fates:
        for at, value in stored.conflicts.items():
            message = int(batch.reading_message[rows.position[at]])
            conflicts.setdefault(message, []).append(_conflict(rows, at, value))
    entries += [_entry(batch, message, Reason.CONFLICT, _listed(texts)) for message, texts in conflicts.items()]
    return entries


def _entry(batch: Batch, message: int, reason: Reason, detail: str) -> Entry:
    envelope = batch.envelopes[int(batch.message_envelope[message])]
    return Entry(
        source_id=envelope.source_id,
        envelope_id=envelope.id,
        position=int(batch.message_position[message]),
        received_at=int(batch.received_at[message]),
        topic=batch.topics[message],
        payload=batch.payloads[message],
        reason=reason,
        detail=detail,
        retained=bool(batch.retained[message]),
    )


def _conflict(rows: Rows, at: int, stored: object) -> str:
    time = timestamp(int(rows.time[at])).isoformat(timespec="microseconds").replace("+00:00", "Z")
    refused = rows.value[at : at + 1].tolist()[0]
    return f"series {rows.series[at]} at {time}: stored {_short(stored)}, refused {_short(refused)}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _listed(texts: list[str]) -> str:
    more = len(texts) - MAX_CONFLICTS_NAMED
    return "; ".join(texts[:MAX_CONFLICTS_NAMED]) + (f"; and {more} more" if more > 0 else "")
