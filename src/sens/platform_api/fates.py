"""What became of messages that the log still holds, as far as the database knows, and whether it would today."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sens.decoding.trial import Trial, TriedReading
from sens.domain.batch import Outcome
from sens.domain.reasons import Reason
from sens.platform_api.device_messages import Found
from sens.storage.fates import Entry, EnvelopeCounts, Wanted, count_envelopes, find_entries, find_stored
from sens.storage.read_quarantine import State
from sens.storage.reads import AsyncConnection

MAX_READINGS = 100
"""Readings of one message that are looked for."""
_KNOWN_TO_DATABASE = {
    Reason.TOO_MANY_SERIES.value,
    Reason.TOO_MANY_DEVICES.value,
    Reason.REFUSED_BY_DATABASE.value,
    Reason.OLDER_THAN_RETENTION.value,
    Reason.CONFLICT.value,
}
"""Reasons that no decoding anew finds, or that only time brings."""


class Became(StrEnum):
    """What became of a message."""

    PENDING = "pending"
    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    EXPIRED = "expired"
    QUARANTINED = "quarantined"
    IGNORED = "ignored"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a message.

    Attributes:
        entry: its row in quarantine, if it is or was there.
        differs: today's configuration would decide differently.
    """

    became: Became
    entry: Entry | None
    differs: bool


async def find_fates(connection: AsyncConnection, source: str, found: Sequence[Found]) -> list[Fate]:
    """Of each message of a source's device, in three queries for all of them."""
    counts = await count_envelopes(connection, {each.place.envelope_id for each in found})
    entries = await find_entries(connection, [each.place for each in found])
    readings = [each.trial.readings[:MAX_READINGS] for each in found]
    same = await _same(connection, source, readings)
    return [
        _fate(counts.get(each.place.envelope_id), entries.get(each.place), each.trial, all_same)
        for each, all_same in zip(found, same, strict=True)
    ]


async def _same(connection: AsyncConnection, source: str, readings: Sequence[Sequence[TriedReading]]) -> Iterable[bool]:
    """Whether all of some readings, at least one, are stored with the same value: for each list of them."""
    flat = [reading for some in readings for reading in some]
    wanted = [Wanted(each.device, each.metric, each.unit, each.kind, each.time) for each in flat]
    stored: Mapping[int, float | str] = await find_stored(connection, source, wanted)
    start, same = 0, list[bool]()
    for some in readings:
        same.append(bool(some) and all(stored.get(start + at) == each.value for at, each in enumerate(some)))
        start += len(some)
    return same


def _fate(counts: EnvelopeCounts | None, entry: Entry | None, trial: Trial, same: bool) -> Fate:
    """`same`: what the trial reads from the message is stored."""
    became = _became(counts, entry, trial, same)
    return Fate(became, entry, _differs(became, entry, trial, same))


def _became(counts: EnvelopeCounts | None, entry: Entry | None, trial: Trial, same: bool) -> Became:
    if counts is None:
        return Became.PENDING
    replayed = entry is not None and entry.state == State.REPLAYED
    if entry is not None and not replayed:
        return Became.CONFLICT if entry.reason == Reason.CONFLICT.value else Became.QUARANTINED
    match _outcome(counts, trial, same, replayed):
        case Outcome.IGNORED:
            return Became.IGNORED
        case Outcome.QUARANTINED:
            return Became.QUARANTINED
        case Outcome.DECODED if trial.reason is Reason.OLDER_THAN_RETENTION:
            return Became.EXPIRED
        case Outcome.DECODED:
            return _decoded(counts)
        case None:
            return Became.UNKNOWN


def _decoded(counts: EnvelopeCounts) -> Became:
    """A reading that was stored and its duplicate look the same: only the envelope's counts tell them apart."""
    if counts.stored == 0:
        return Became.DUPLICATE if counts.duplicate else Became.UNKNOWN
    return Became.STORED if counts.duplicate == 0 or counts.decoded == 1 else Became.UNKNOWN


def _outcome(counts: EnvelopeCounts, trial: Trial, same: bool, replayed: bool) -> Outcome | None:
    """By what its envelope's messages came to; None: by them it may be this or that."""
    messages = {
        Outcome.DECODED: counts.decoded,
        Outcome.IGNORED: counts.ignored,
        Outcome.QUARANTINED: 0 if replayed else counts.quarantined,
    }
    possible = [outcome for outcome, count in messages.items() if count]
    if len(possible) == 1:
        return possible[0]
    if trial.outcome not in possible or (trial.outcome is Outcome.DECODED and not same):
        return None
    return trial.outcome


def _differs(became: Became, entry: Entry | None, trial: Trial, same: bool) -> bool:
    match became:
        case Became.QUARANTINED if entry is not None:
            return entry.reason not in _KNOWN_TO_DATABASE and (
                trial.reason is None or trial.reason.value != entry.reason
            )
        case Became.QUARANTINED:
            return trial.outcome is not Outcome.QUARANTINED
        case Became.IGNORED:
            return trial.outcome is not Outcome.IGNORED
        case Became.CONFLICT:
            return trial.outcome is not Outcome.DECODED
        case Became.STORED | Became.DUPLICATE:
            return not same
        case _:
            return False
