"""A batch's rows in the ledger, one an envelope: that the row is there is what makes "stored once" true."""

from dataclasses import dataclass
from typing import cast
from uuid import UUID

import numpy as np

from sens.domain.batch import Batch, Outcome
from sens.domain.columns import Int32, Int64
from sens.domain.ledger import MessageCounts, ReadingCounts
from sens.storage.arrays import times, uuids
from sens.storage.connection import Connection
from sens.storage.queries import load

_SQL = load("write")


@dataclass(slots=True)
class EnvelopeCounts:
    """What became of each envelope's messages and readings; every column is int32[E].

    Attributes:
        decoded, ignored, quarantined: messages.
        readings: decoded readings, which end as stored, duplicate or conflict.
    """

    decoded: Int32
    ignored: Int32
    quarantined: Int32
    readings: Int32
    duplicate: Int32
    conflict: Int32

    @property
    def stored(self) -> Int32:
        return self.readings - self.duplicate - self.conflict

    def messages_total(self) -> MessageCounts:
        return MessageCounts(*(int(column.sum()) for column in (self.decoded, self.ignored, self.quarantined)))

    def readings_total(self) -> ReadingCounts:
        columns = (self.readings, self.stored, self.duplicate, self.conflict)
        return ReadingCounts(*(int(column.sum()) for column in columns))


def count_envelopes(batch: Batch) -> EnvelopeCounts:
    """Counts with every reading taken as stored; what turns out otherwise is set later."""
    size = len(batch.envelopes)
    by_outcome = np.bincount(batch.message_envelope * len(Outcome) + batch.outcome, minlength=size * len(Outcome))
    by_outcome = by_outcome.astype(np.int32).reshape(size, len(Outcome))
    readings = np.bincount(batch.message_envelope[batch.reading_message], minlength=size).astype(np.int32)
    decoded, ignored, quarantined = (by_outcome[:, outcome] for outcome in Outcome)
    return EnvelopeCounts(decoded, ignored, quarantined, readings, np.zeros(size, np.int32), np.zeros(size, np.int32))


def insert_ledger(connection: Connection, batch: Batch, counts: EnvelopeCounts) -> None:
    """Plain INSERT, sorted by id: violates the key where an envelope is stored already."""
    entries = batch.envelopes
    parameters = {
        "id": uuids(entry.id for entry in entries),
        "source_id": np.array([entry.source_id for entry in entries], np.int32),
        "session": [entry.session for entry in entries],
        "epoch": [entry.epoch for entry in entries],
        "sequence": np.array([entry.sequence for entry in entries], np.int64),
        "received_at": times(np.array([entry.received_at for entry in entries], np.int64)),
        "total": np.array([entry.total for entry in entries], np.int64),
        "decoded": counts.decoded,
        "ignored": counts.ignored,
        "quarantined": counts.quarantined,
        "readings": counts.readings,
    }
    connection.execute(_SQL["insert_ledger"], parameters)


def correct_ledger(connection: Connection, batch: Batch, counts: EnvelopeCounts) -> None:
    """Set the counts of those envelopes whose readings were not all stored: few, as a rule."""
    other = np.flatnonzero(counts.duplicate + counts.conflict)
    if len(other):
        ids = uuids(batch.envelopes[at].id for at in other.tolist())
        connection.execute(_SQL["correct_ledger"], (ids, counts.duplicate[other], counts.conflict[other]))


def known_envelopes(connection: Connection, batch: Batch) -> set[bytes]:
    """Ids of the batch's envelopes that are stored already."""
    ids = uuids(entry.id for entry in batch.envelopes)
    rows = connection.execute(_SQL["known_envelopes"], (ids,)).fetchall()
    # What is folded between the two statements is found by the first one.
    return {cast("UUID", id_).bytes for (id_,) in rows} | folded_envelopes(connection, batch)


def folded_envelopes(connection: Connection, batch: Batch) -> set[bytes]:
    """Ids of the batch's envelopes whose rows were folded, apart from such as have a row nevertheless.

    Of what is folded no id is left. Its messages' numbers in the running total are, and when the last of it
    was received. Numbers alone would not do: in a log that went back, and until its epoch is renewed, new
    messages get numbers a second time. But those are received later than what was purged before.

    To be asked after the rows are inserted, in the same transaction: what is folded until then is seen
    here, and afterwards the inserted row would have met the one to be folded.
    """
    entries = batch.envelopes
    parameters = {
        "id": uuids(entry.id for entry in entries),
        "source_id": np.array([entry.source_id for entry in entries], np.int32),
        "session": [entry.session for entry in entries],
        "epoch": [entry.epoch for entry in entries],
        "received_at": times(np.array([entry.received_at for entry in entries], np.int64)),
        "total": np.array([entry.total for entry in entries], np.int64),
        "messages": np.bincount(batch.message_envelope, minlength=len(entries)).astype(np.int32),
    }
    rows = connection.execute(_SQL["folded_envelopes"], parameters).fetchall()
    return {cast("UUID", id_).bytes for (id_,) in rows}


def per_envelope(batch: Batch, readings: Int64) -> Int32:
    """How many of `readings` (positions in the batch) each envelope has."""
    envelopes = batch.message_envelope[batch.reading_message[readings]]
    return np.bincount(envelopes, minlength=len(batch.envelopes)).astype(np.int32)
