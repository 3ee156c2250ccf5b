"""Messages in columns → a batch for the store. Pure but for the look-up of series ids.

The messages of one rule (a topic of the configuration) are decoded together, whichever devices and
envelopes they are from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from sens.decoders.rejecting import reading_counts, reject
from sens.decoders.times import check_times
from sens.decoding.messages import Messages
from sens.decoding.routes import IGNORED, REJECTED, Route, Router, Rule
from sens.decoding.series_map import SeriesMap
from sens.domain.batch import Batch, Outcome, Quarantined
from sens.domain.columns import NO_TIME, Decoded, Float64, Int32, Int64, Rejection
from sens.domain.envelope import is_import
from sens.domain.reasons import Reason

_rule = attrgetter("rule")


@dataclass(slots=True)
class Readings:
    """R readings; `message` is an index into the batch. As in `Batch`."""

    message: Int32
    series: Int32
    time: Int64
    value: Float64
    texts: dict[int, str]


@dataclass(slots=True)
class _Work:
    """A batch on its way: what is known of each message so far."""

    messages: Messages
    routes: list[Route]
    rejections: dict[int, Rejection]
    ignored: NDArray[np.bool_]
    oldest_kept: int | None


@dataclass(slots=True)
class _Chosen:
    """The messages of one rule: n indexes into the batch, ascending, and their columns."""

    index: NDArray[np.intp]
    payloads: list[bytes]
    routes: list[Route]
    received_at: Int64


class BatchDecoder:
    """Decodes batches; remembers routes and series between them."""

    def __init__(self, router: Router, series: SeriesMap) -> None:
        self.router = router
        self.series = series

    def decode(self, messages: Messages, oldest_kept: int | None) -> Batch:
        """Decode. Never raises for what a message holds: that becomes its outcome.

        Args:
            oldest_kept: µs since 1970 UTC; a message with an older reading is quarantined. None: no limit.
        """
        routes = self.routes(messages)
        rules = np.fromiter(map(_rule, routes), np.int32, len(routes))
        rules[list(messages.rejections)] = REJECTED
        work = _Work(messages, routes, dict(messages.rejections), rules == IGNORED, oldest_kept)
        for at in np.flatnonzero(rules == REJECTED).tolist():
            refusal = routes[at].rejection
            if refusal is not None:
                work.rejections.setdefault(at, refusal)
        used: list[int] = np.unique(rules[rules >= 0]).tolist()
        parts = [self._decode_rule(self.router.rules[rule], work, np.flatnonzero(rules == rule)) for rule in used]
        return _batch(work, _joined(parts))

    def routes(self, messages: Messages) -> list[Route]:
        """N routes."""
        routes = list[Route]()
        for at, (entry, source) in enumerate(zip(messages.envelopes, messages.sources, strict=True)):
            topics = messages.topics[messages.starts[at] : messages.starts[at + 1]]
            imported = is_import(entry.session)
            routes += self.router.imported(topics) if imported else self.router.routes(source, entry.source_id, topics)
        return routes

    def _decode_rule(self, rule: Rule, work: _Work, index: NDArray[np.intp]) -> Readings:
        chosen = _choose(work, index)
        decoded = rule.decoder.decode(chosen.payloads, chosen.received_at)
        decoded = check_times(decoded, chosen.received_at, rule.oldest_us, rule.newest_us)
        decoded = _without_old_news(decoded, work, index)
        decoded = _without_expired(decoded, chosen.received_at, work.oldest_kept)
        entries = self.series.entries(chosen.routes, decoded.shapes)
        refused = self.series.refused(entries)
        if refused:
            decoded = reject(decoded, refused)
            entries = self.series.entries(chosen.routes, decoded.shapes)
        work.rejections |= {
            int(index[at]): why for at, why in decoded.rejections.items() if not work.ignored[index[at]]
        }
        series, widths = self.series.gather(entries)
        return Readings(
            message=np.repeat(index.astype(np.int32), widths),
            series=series,
            time=_times(decoded, np.repeat(chosen.received_at, widths)),
            value=decoded.values,
            texts=decoded.texts,
        )


def _choose(work: _Work, index: NDArray[np.intp]) -> _Chosen:
    messages = work.messages
    if len(index) == len(messages):
        return _Chosen(index, messages.payloads, work.routes, messages.received_at)
    at = index.tolist()
    return _Chosen(index, [messages.payloads[i] for i in at], [work.routes[i] for i in at], messages.received_at[index])


def _times(decoded: Decoded, received_at: Int64) -> Int64:
    """A reading's own time, or when its message was received."""
    if decoded.times is None:
        return received_at
    return np.where(decoded.times == NO_TIME, received_at, decoded.times)


def _without_old_news(decoded: Decoded, work: _Work, index: NDArray[np.intp]) -> Decoded:
    """Leave out retained messages without a time of their own: the broker sends them at each subscription,
    and nobody knows how old they are."""
    retained = work.messages.retained[index]
    if not retained.any():
        return decoded
    counts = reading_counts(decoded.shapes)
    timeless = np.ones(len(decoded.values), np.bool_) if decoded.times is None else decoded.times == NO_TIME
    has_timeless = np.zeros(len(index), np.bool_)
    has_timeless[np.repeat(np.arange(len(index)), counts)[timeless]] = True
    old_news = np.flatnonzero(retained & has_timeless)
    work.ignored[index[old_news]] = True
    # The rejection only takes the readings out: `ignored` says what becomes of the message.
    return reject(decoded, dict.fromkeys(old_news.tolist(), Rejection(Reason.NO_READINGS, "retained")))


def _without_expired(decoded: Decoded, received_at: Int64, oldest_kept: int | None) -> Decoded:
    """Reject messages with a reading that retention would delete."""
    if oldest_kept is None or not decoded.values.size:
        return decoded
    if decoded.times is None and int(received_at.min()) >= oldest_kept:
        return decoded
    counts = reading_counts(decoded.shapes)
    expired = _times(decoded, np.repeat(received_at, counts)) < oldest_kept
    messages = np.unique(np.repeat(np.arange(len(counts)), counts)[expired])
    why = Rejection(Reason.OLDER_THAN_RETENTION, "older than retention.raw keeps readings")
    return reject(decoded, dict.fromkeys(messages.tolist(), why))


def _joined(parts: Sequence[Readings]) -> Readings:
    """The readings of all rules, by ascending message."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Readings(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0), {})
    message = np.concatenate([part.message for part in parts])
    order = np.argsort(message, kind="stable")
    texts, offset = dict[int, str](), 0
    for part in parts:
        texts |= {offset + at: text for at, text in part.texts.items()}
        offset += len(part.message)
    if texts:
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        texts = {int(place[at]): text for at, text in texts.items()}
    return Readings(
        message=message[order],
        series=np.concatenate([part.series for part in parts])[order],
        time=np.concatenate([part.time for part in parts])[order],
        value=np.concatenate([part.value for part in parts])[order],
        texts=texts,
    )


def _batch(work: _Work, readings: Readings) -> Batch:
    messages = work.messages
    outcome = np.where(work.ignored, Outcome.IGNORED, Outcome.DECODED).astype(np.uint8)
    outcome[list(work.rejections)] = Outcome.QUARANTINED
    return Batch(
        envelopes=messages.envelopes,
        message_envelope=messages.envelope,
        message_position=messages.position,
        outcome=outcome,
        received_at=messages.received_at,
        retained=messages.retained,
        topics=messages.topics,
        payloads=messages.payloads,
        reading_message=readings.message,
        series=readings.series,
        time=readings.time,
        value=readings.value,
        texts=readings.texts,
        quarantined=[Quarantined(at, why.reason, why.detail) for at, why in sorted(work.rejections.items())],
    )
