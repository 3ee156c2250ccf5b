"""What was stored once is decoded and stored again, over a connection beside the pipeline's."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from sens.decoding.messages import Arrival, Messages
from sens.domain.batch import Batch, EnvelopeEntry
from sens.domain.batch_ops import keep_envelopes, quarantine_messages
from sens.domain.reasons import Reason
from sens.storage.connection import Connection
from sens.storage.errors import DatabaseAway, DataRefused
from sens.storage.refusals import find_refused
from sens.storage.replay import Replayed, replay, replay_message
from sens.storage.replay_messages import (
    OpenMessage,
    expired_envelopes,
    find_sequences,
    open_message,
    open_message_ids,
)
from sens.stream.replay import ReplayReply
from sens.telemetry_worker.connections import Role
from sens.telemetry_worker.worker import Worker

R = TypeVar("R")


class Counts(Counter[str]):
    """What a replay came to, as `ReplayReply` names it."""

    def add(self, batch: Batch, result: Replayed) -> None:
        self.update(
            envelopes=len(batch.envelopes),
            messages=len(batch.topics),
            quarantined=len(batch.quarantined),
            stored=result.stored + result.overwritten,
            duplicate=result.same,
            conflict=result.conflict,
        )

    def reply(self, next_sequence: int = 0) -> ReplayReply:
        return ReplayReply(**self, next_sequence=next_sequence)


class ReplayStore:
    """Replays what it is given; blocking, for one thread at a time.

    Each call may be repeated. Raises:
        Retry: the database is away or busy; what was replayed stays replayed.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def sequences(self, envelope_ids: Sequence[bytes]) -> dict[bytes, int]:
        """Envelope id → stream sequence, of those that the ledger has a row for."""
        return self._ask(lambda connection: find_sequences(connection, envelope_ids))

    def open_message_ids(self, envelope_ids: Sequence[bytes], only: Sequence[int]) -> list[int]:
        """Rows that are open in quarantine of these envelopes; if `only` names rows, of these."""
        return self._ask(lambda connection: open_message_ids(connection, envelope_ids, only))

    def replay_envelopes(self, arrivals: Sequence[Arrival], overwrite: bool) -> Counts:
        """Whole envelopes, as the log has them. Those that retention has overtaken stay as they are."""
        return _once_more(partial(self._replay_envelopes, arrivals, overwrite))

    def replay_message(self, quarantine_id: int, overwrite: bool) -> Counts:
        """A message from its row in quarantine. One that is not whole there still cannot be decoded."""
        return _once_more(partial(self._replay_message, quarantine_id, overwrite))

    def _ask(self, question: Callable[[Connection], R]) -> R:
        def ask() -> R:
            with self._worker.connections.use(Role.REPLAY) as (connection, _):
                return question(connection)

        return _once_more(ask)

    def _replay_envelopes(self, arrivals: Sequence[Arrival], overwrite: bool) -> Counts:
        while True:
            with self._worker.connections.use(Role.REPLAY) as (connection, generation):
                batch = self._worker.decode(arrivals)
                if batch.generation != generation:
                    continue  # with the connection of the generation that the ids are of
                expired = expired_envelopes(connection, batch)
                counts = Counts(expired=len(expired))
                batch = keep_envelopes(
                    batch, np.array([entry.id not in expired for entry in batch.envelopes], np.bool_)
                )
                if batch.envelopes:
                    limits = self._worker.resolver.quarantine_limits
                    store = partial(replay, connection, overwrite=overwrite, limits=limits)
                    counts.add(*_stored(connection, batch, store))
                return counts

    def _replay_message(self, quarantine_id: int, overwrite: bool) -> Counts:
        while True:
            with self._worker.connections.use(Role.REPLAY) as (connection, generation):
                message, counts = open_message(connection, quarantine_id), Counts()
                if message is None:
                    return counts
                if not message.whole:
                    return Counts(messages=1, quarantined=1)
                batch = self._worker.decode_messages(_single(message))
                if batch.generation != generation:
                    continue
                if _has_expired(message, batch):
                    return Counts(expired=1)
                limits = self._worker.resolver.quarantine_limits
                store = partial(replay_message, connection, quarantine_id, overwrite=overwrite, limits=limits)
                batch, result = _stored(connection, batch, store)
                if result is not None:
                    counts.add(batch, result)
                return counts


def _once_more(call: Callable[[], R]) -> R:
    """Again after DatabaseAway: a connection that idled since the last replay may have died unnoticed."""
    try:
        return call()
    except DatabaseAway:
        return call()


def _stored(connection: Connection, batch: Batch, store: Callable[[Batch], R]) -> tuple[Batch, R]:
    """Store the batch, with what the database refuses as data in quarantine."""
    try:
        return batch, store(batch)
    except DataRefused:
        batch = quarantine_messages(batch, find_refused(connection, batch))
        return batch, store(batch)


def _has_expired(message: OpenMessage, batch: Batch) -> bool:
    """Whether it was not too old when it came, and is now: see `expired_envelopes`."""
    too_old = any(q.reason is Reason.OLDER_THAN_RETENTION for q in batch.quarantined)
    return too_old and message.reason != Reason.OLDER_THAN_RETENTION.value


def _single(message: OpenMessage) -> Messages:
    """One message of an envelope, from its quarantine row."""
    entry = EnvelopeEntry(
        message.envelope_id, message.source_id, message.session, message.epoch, 0, message.received_at, 0
    )
    return Messages(
        envelopes=[entry],
        sources=[message.source],
        starts=[0, 1],
        envelope=np.zeros(1, np.int32),
        position=np.array([message.position], np.int32),
        received_at=np.array([message.received_at], np.int64),
        retained=np.array([message.retained], np.bool_),
        topics=[message.topic],
        payloads=[message.payload],
        rejections={},
    )
