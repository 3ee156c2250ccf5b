"""Replay: known envelopes or messages are decoded again, and their rows put right in one transaction.

A reading does not say which envelope stored it, and none is ever deleted by a replay. So that the ledger's
`stored` stays the number of rows in the tables, an envelope's counts follow this rule:

    stored     what it had stored before, and what the replay added
    duplicate  readings that were there already, less those it had stored before itself
    conflict   readings whose instant bears another value
    readings   the sum of the three

Thus a replay that decodes the same changes nothing, and one by a mended decoder adds what is new. What the
old decoder stored under names or times that the new one does not give stays, and stays counted.
An overwritten reading is one that was there already.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import numpy as np

from sens.domain.batch import Batch, Outcome
from sens.domain.batch_ops import keep_envelopes
from sens.domain.columns import NEWEST_TIME, Int32
from sens.domain.reasons import Reason
from sens.storage.arrays import times, uuids
from sens.storage.connection import Connection
from sens.storage.errors import translated
from sens.storage.kinds import StorageKind, storage_kind
from sens.storage.last_times import LastTimes
from sens.storage.late_marks import leave_late_marks, share_write_mark
from sens.storage.latest import latest_of, upsert_latest_stored
from sens.storage.ledger import take_out_of_sums
from sens.storage.ledger_rows import count_envelopes, folded_envelopes, per_envelope
from sens.storage.overwrite import overwrite_conflicts
from sens.storage.partitions import check_times, ensure_partitions
from sens.storage.quarantine_entries import quarantine_entries
from sens.storage.quarantine_intake import Entry, LimitsOf, QuarantineIntake, same_limits
from sens.storage.queries import load
from sens.storage.read_quarantine import State
from sens.storage.readings import NUMBERS, TEXTS, Fate, Rows, Stored, make_staged_tables, sorted_rows, store

_SQL = load("replay")


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of the readings of a replay.

    Attributes:
        stored: added now.
        same: were there already, with the same value.
        conflict: another value is stored at their instant, and stays.
        overwritten: another value was stored at their instant.
    """

    stored: int
    same: int
    conflict: int
    overwritten: int


@dataclass(slots=True)
class _Fates:
    """As `Replayed` by envelope, int32[E] each, and what goes to quarantine."""

    stored: Int32
    same: Int32
    conflict: Int32
    overwritten: Int32
    entries: list[Entry]

    def total(self) -> Replayed:
        return Replayed(*(int(column.sum()) for column in (self.stored, self.same, self.conflict, self.overwritten)))


def replay(
    connection: Connection, batch: Batch, *, overwrite: bool = False, limits: LimitsOf | None = None
) -> Replayed:
    """Store whole envelopes again. One that is not in the ledger (lost with an older copy) is stored anew.

    Messages that can be decoded now leave quarantine as replayed; those that still cannot stay open.
    What a person discarded stays discarded. An envelope whose row was folded is left out: it comes from a log
    that was restored to an older copy, and the ledger no longer knows what each of its messages came to.

    Args:
        connection: autocommit, not shared with a `ReadingWriter`.
        batch: envelopes with all their messages, decoded anew; no envelope twice.
        overwrite: readings that changed replace what is stored; else they are conflicts.
        limits: quarantine's cap.

    Raises:
        DatabaseAway, DatabaseBusy: nothing was changed, or all; call again.
        DataRefused: nothing was changed; ask `refusals.find_refused`.
    """
    while True:
        try:
            return _replay(connection, batch, overwrite=overwrite, limits=limits)
        except _EnvelopesFolded as folded:
            batch = keep_envelopes(batch, np.array([entry.id not in folded.ids for entry in batch.envelopes], np.bool_))


class _EnvelopesFolded(Exception):
    """Envelopes of the batch are known, but have no row; the transaction is rolled back."""

    def __init__(self, ids: set[bytes]) -> None:
        super().__init__()
        self.ids = ids


def _replay(connection: Connection, batch: Batch, *, overwrite: bool, limits: LimitsOf | None) -> Replayed:
    if not batch.envelopes:
        return Replayed(0, 0, 0, 0)
    with translated():
        rows = _prepare(connection, batch)
        with connection.transaction():
            write_until = share_write_mark(connection)
            stored_before, new = _lock_ledger(connection, batch)
            fates = _store(connection, batch, rows, write_until, overwrite=overwrite)
            counts = count_envelopes(batch)
            parameters = {
                "id": uuids(entry.id for entry in batch.envelopes),
                "decoded": counts.decoded,
                "ignored": counts.ignored,
                "quarantined": counts.quarantined,
                "stored": stored_before + fates.stored,
                "duplicate": np.maximum(fates.same + fates.overwritten - stored_before, 0),
                "conflict": fates.conflict,
            }
            connection.execute(_SQL["update_ledger"], parameters)
            ids = [entry.id for entry in batch.envelopes]
            intake = QuarantineIntake(limits or same_limits())
            _settle_quarantine(connection, ids, None, fates.entries, intake, new)
        _update_latest(connection, rows)
    return fates.total()


def replay_message(
    connection: Connection,
    quarantine_id: int,
    batch: Batch,
    *,
    overwrite: bool = False,
    limits: LimitsOf | None = None,
) -> Replayed | None:
    """Store one message from the bytes in its quarantine row, for when its envelope is no longer in the log.

    Args:
        connection: autocommit, not shared with a `ReadingWriter`.
        quarantine_id: an open row.
        batch: one envelope with one message: the row's envelope id, source, position and times; what else
            an envelope has is not looked at.
        overwrite, limits: as `replay`.

    Returns:
        None: the row is settled already, or gone.

    Raises:
        DatabaseAway, DatabaseBusy, DataRefused: as `replay`.
    """
    with translated():
        rows = _prepare(connection, batch)
        with connection.transaction():
            write_until = share_write_mark(connection)
            row = connection.execute(_SQL["lock_message"], {"quarantine_id": quarantine_id}).fetchone()
            if row is None:
                return None
            envelope_id, position, reason = cast("tuple[UUID, int, str]", row)
            take_out_of_sums(connection, [envelope_id.bytes])
            fates = _store(connection, batch, rows, write_until, overwrite=overwrite)
            conflicted = reason == Reason.CONFLICT.value
            changes = _changes(Outcome.DECODED if conflicted else Outcome.QUARANTINED, batch, fates)
            query = _SQL["settle_conflicts" if conflicted else "add_to_ledger"]
            connection.execute(query, {"id": envelope_id, **changes})
            intake = QuarantineIntake(limits or same_limits())
            _settle_quarantine(connection, [envelope_id.bytes], position, fates.entries, intake, set())
        _update_latest(connection, rows)
    return fates.total()


def _changes(was: Outcome, batch: Batch, fates: _Fates) -> dict[str, int]:
    """What one message adds to its envelope's row."""
    now, total = Outcome(int(batch.outcome[0])), fates.total()
    messages = {outcome.name.lower(): int(outcome == now) - int(outcome == was) for outcome in Outcome}
    return {
        **messages,
        "stored": total.stored,
        "duplicate": total.same + total.overwritten,
        "conflict": total.conflict,
        "overwritten": total.overwritten,
    }


def _prepare(connection: Connection, batch: Batch) -> tuple[Rows, Rows]:
    """What has to be done outside of the transaction; returns numbers and texts."""
    make_staged_tables(connection)
    if storage_kind(connection) is StorageKind.TIMESCALE:
        connection.execute(load("write")["decompress_without_limit"])
    check_times(batch.time)
    numbers, texts = sorted_rows(batch)
    for table, rows in ((NUMBERS, numbers), (TEXTS, texts)):
        ensure_partitions(connection, table.name, rows.time)
    return numbers, texts


def _lock_ledger(connection: Connection, batch: Batch) -> tuple[Int32, set[bytes]]:
    """int32[E]: how many readings each envelope has stored before; and the ids of those that were not known.

    The rows are locked, and made where they are missing.
    """
    entries = batch.envelopes
    parameters = {
        "id": uuids(entry.id for entry in entries),
        "source_id": np.array([entry.source_id for entry in entries], np.int32),
        "session": [entry.session for entry in entries],
        "epoch": [entry.epoch for entry in entries],
        "sequence": np.array([entry.sequence for entry in entries], np.int64),
        "received_at": times(np.array([entry.received_at for entry in entries], np.int64)),
        "total": np.array([entry.total for entry in entries], np.int64),
    }
    missing = connection.execute(_SQL["insert_missing"], parameters).fetchall()
    new = {cast("UUID", id_).bytes for (id_,) in missing}
    folded = new & folded_envelopes(connection, batch)
    if folded:
        raise _EnvelopesFolded(folded)
    rows = connection.execute(_SQL["lock_ledger"], {"id": parameters["id"]}).fetchall()
    stored = {id_.bytes: count for id_, count in cast("list[tuple[UUID, int]]", rows)}
    # The leader may have folded a row after it was seen and before it was locked.
    if gone := {entry.id for entry in entries} - stored.keys():
        raise _EnvelopesFolded(gone)
    take_out_of_sums(connection, [entry.id for entry in entries])
    return np.array([stored[entry.id] for entry in entries], np.int32), new


def _store(
    connection: Connection, batch: Batch, rows: tuple[Rows, Rows], write_until: int, *, overwrite: bool
) -> _Fates:
    """The readings, and late marks for what was added or changed; numbers have late marks, texts have none."""
    fates = _Fates(*(np.zeros(len(batch.envelopes), np.int32) for _ in range(4)), entries=[])
    kept: list[tuple[Rows, Stored]] = []
    for table, part in zip((NUMBERS, TEXTS), rows, strict=True):
        stored = store(connection, table, part, _all_doubtful(part))
        overwritten = np.zeros(len(part), np.bool_)
        if overwrite:
            overwritten = overwrite_conflicts(connection, table, part, stored)
            stored = stored._replace(conflicts={})
        kept.append((part, stored))
        changed = overwritten | (stored.fate == Fate.STORED)
        conflict = (stored.fate == Fate.CONFLICT) & ~overwritten
        fates.stored += per_envelope(batch, part.position[stored.fate == Fate.STORED])
        fates.same += per_envelope(batch, part.position[stored.fate == Fate.DUPLICATE])
        fates.conflict += per_envelope(batch, part.position[conflict])
        fates.overwritten += per_envelope(batch, part.position[overwritten])
        if table == NUMBERS:
            fate = np.where(changed, Fate.STORED, Fate.DUPLICATE).astype(np.uint8)
            leave_late_marks(connection, part, fate, write_until)
    fates.entries = quarantine_entries(batch, kept)
    return fates


def _all_doubtful(rows: Rows) -> LastTimes:
    """Last times that send every reading by the side table, as most are stored already."""
    last_times, series = LastTimes(), np.unique(rows.series)
    last_times.advance(series, np.full(len(series), NEWEST_TIME, np.int64))
    return last_times


def _settle_quarantine(
    connection: Connection,
    envelope_ids: Sequence[bytes],
    position: int | None,
    entries: Sequence[Entry],
    intake: QuarantineIntake,
    new: AbstractSet[bytes],
) -> None:
    """Open rows that have no entry any more are replayed; entries without a row get one, replayed ones open.

    Only `new` envelopes can add to the overflow: what did not fit of others was counted when it came.
    """
    wanted = {(entry.envelope_id, entry.position, entry.reason.value): entry for entry in entries}
    parameters = {"id": uuids(envelope_ids), "position": position}
    found = connection.execute(_SQL["quarantined"], parameters).fetchall()
    replayed, reopened = list[int](), list[int]()
    for id_, envelope_id, place, reason, state in cast("list[tuple[int, UUID, int, str, int]]", found):
        again = wanted.pop((envelope_id.bytes, place, reason), None)
        if again is None and state == State.OPEN:
            replayed.append(id_)
        elif again is not None and state == State.REPLAYED:
            reopened.append(id_)
    for ids, state in ((replayed, State.REPLAYED), (reopened, State.OPEN)):
        connection.execute(_SQL["set_state"], {"ids": ids, "state": int(state)})
    intake.take(connection, list(wanted.values()), counted=new)


def _update_latest(connection: Connection, rows: tuple[Rows, Rows]) -> None:
    with connection.transaction():
        upsert_latest_stored(connection, *(latest_of(part) for part in rows))
