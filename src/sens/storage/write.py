"""The telemetry worker's way into the database: one transaction a batch, in an order that crashes cannot hurt.

 1. ledger rows, plain INSERT keyed by envelope id: a violation means that another worker or an earlier
    life stored the envelope; roll back, leave out the known envelopes, again;
 2. readings (see `readings.py`);
 3. late marks and quarantine rows;
 4. commit;
 5. `series_latest`, in a transaction of its own, also for the envelopes that were left out.
Only then may the caller acknowledge the envelopes. A crash at any point is mended by writing the same
batch again.
"""

from dataclasses import dataclass, field

import numpy as np
import psycopg

from sens.domain.batch import Batch, Quarantined
from sens.domain.batch_ops import keep_envelopes
from sens.domain.errors import SensError
from sens.domain.ledger import MessageCounts, ReadingCounts
from sens.storage.connection import Connection
from sens.storage.errors import DatabaseBusy, translated
from sens.storage.kinds import StorageKind, storage_kind
from sens.storage.last_times import LastTimes
from sens.storage.late_marks import leave_late_marks, share_write_mark
from sens.storage.latest import Latest, latest_of, newest, upsert_latest, upsert_latest_stored
from sens.storage.ledger_rows import (
    EnvelopeCounts,
    correct_ledger,
    count_envelopes,
    folded_envelopes,
    insert_ledger,
    known_envelopes,
    per_envelope,
)
from sens.storage.partitions import KnownPartitions, check_times, ensure_partitions
from sens.storage.quarantine_entries import quarantine_entries
from sens.storage.quarantine_intake import Intake, LimitsOf, QuarantineIntake, same_limits
from sens.storage.queries import load
from sens.storage.readings import NUMBERS, TEXTS, Fate, Rows, Stored, Table, make_staged_tables, sorted_rows, store
from sens.storage.refusals import find_refused
from sens.storage.stopwatch import Stopwatch

# Each round leaves out what others stored since the last one.
MAX_ROUNDS = 20
_SQL = load("write")


@dataclass(slots=True)
class WriteResult:
    """What became of a batch.

    Attributes:
        stored: ids of the envelopes stored now; `counts` has a row for each.
        messages, readings: sums of `counts`.
        latest_numbers, latest_texts: the newest stored reading of each series, for live subscribers.
        late_marks: how many (series, bucket) were marked for the rollup to compute again.
        quarantine: rows of quarantine, kept and only counted; a message with conflicts is one of them.
        direct: how many readings went straight into their table.
        known: ids of the batch's envelopes that were stored before; not counted above.
        seconds: by phase: sort, partitions, ledger, readings, marks, commit, latest.
    """

    stored: list[bytes]
    counts: EnvelopeCounts
    latest_numbers: Latest
    latest_texts: Latest
    late_marks: int
    quarantine: Intake
    direct: int
    known: list[bytes] = field(default_factory=list[bytes])
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def messages(self) -> MessageCounts:
        return self.counts.messages_total()

    @property
    def readings(self) -> ReadingCounts:
        return self.counts.readings_total()


class _EnvelopeKnown(Exception):
    """Some envelope of the batch is in the ledger; the transaction is rolled back."""


class ReadingWriter:
    """Writes batches over one connection, one at a time.

    Args:
        connection: see `use`.
        last_times: shared with the `SeriesIndex` that gives the series ids.
    """

    def __init__(
        self, connection: Connection, last_times: LastTimes, quarantine_limits: LimitsOf | None = None
    ) -> None:
        self._last_times = last_times
        self._quarantine = QuarantineIntake(quarantine_limits or same_limits())
        self._partitions = KnownPartitions()
        self.use(connection)

    def use(self, connection: Connection) -> None:
        """Go on over another connection, after `DatabaseAway`. It must be in autocommit mode.

        Behind it may be an older copy of the database, so what `flush_latest` would write is dropped: batches that
        were not flushed have to be written again.
        """
        self._connection = connection
        self._kind: StorageKind | None = None
        self._latest: list[tuple[Latest, Latest]] = []
        self._latest_known: list[tuple[Latest, Latest]] = []
        self._partitions.forget()
        self._quarantine.forget()

    def write(self, batch: Batch) -> WriteResult:
        """Store the batch; all of it is stored when this returns, and it may be acknowledged.

        Raises: as `store` and `flush_latest`.
        """
        result = self.store(batch)
        result.seconds["latest"] = self.flush_latest()
        return result

    def store(self, batch: Batch) -> WriteResult:
        """Steps 1 to 4; when `flush_latest` has returned as well, the batch may be acknowledged.

        Raises:
            DatabaseAway: give a new connection to `use`, then write the same batch again.
            Retry: write the same batch again; whatever was committed is recognised.
            DataRefused: ask `find_refused`, quarantine those messages, then write the rest.
        """
        try:
            with translated():
                self._prepare()
                return self._write(batch)
        except SensError:
            self._partitions.forget()
            self._quarantine.forget()
            raise

    def flush_latest(self) -> float:
        """Step 5 for all batches written since the last call: under load, one upsert serves many batches.

        Returns:
            Seconds it took.

        Raises:
            DatabaseAway: give a new connection to `use`, then write again what was written since the last call.
            Retry: call again.
        """
        watch = Stopwatch()
        with translated():
            if not self._latest and not self._latest_known:
                self._connection.execute(_SQL["answers"])  # or a server that has gone would be noticed too late
            if self._latest:
                numbers, texts = (newest(list(column)) for column in zip(*self._latest, strict=True))
                with self._connection.transaction():
                    upsert_latest(self._connection, numbers, texts)
                self._latest.clear()
            if self._latest_known:
                numbers, texts = (newest(list(column)) for column in zip(*self._latest_known, strict=True))
                with self._connection.transaction():
                    upsert_latest_stored(self._connection, numbers, texts)
                self._latest_known.clear()
        watch.lap("latest")
        return watch.seconds["latest"]

    def find_refused(self, batch: Batch) -> list[Quarantined]:
        """The messages that the database refuses; see `refusals.find_refused`."""
        with translated():
            self._prepare()
        return find_refused(self._connection, batch)

    def _prepare(self) -> None:
        """What a new connection needs: temporary tables, and no limit on late readings."""
        if self._kind is not None:
            return
        self._connection.autocommit = True
        kind = storage_kind(self._connection)
        make_staged_tables(self._connection)
        if kind is StorageKind.TIMESCALE:
            self._connection.execute(_SQL["decompress_without_limit"])
        self._kind = kind

    def _write(self, batch: Batch) -> WriteResult:
        known, watch = set[bytes](), Stopwatch()
        for _ in range(MAX_ROUNDS):
            part = _without(batch, known)
            try:
                result = self._store(part, watch)
                break
            except _EnvelopeKnown:
                known |= known_envelopes(self._connection, part)
                watch.lap("ledger")
        else:
            raise DatabaseBusy("other workers store the envelopes of this batch one by one; try again")
        result.known = list(known)
        self._note_latest(batch, result)
        result.seconds = watch.seconds
        return result

    def _store(self, batch: Batch, watch: Stopwatch) -> WriteResult:
        """Steps 1 to 4."""
        numbers, texts = sorted_rows(batch)
        counts = count_envelopes(batch)
        watch.lap("sort")
        for table, rows in ((NUMBERS, numbers), (TEXTS, texts)):
            self._ensure_partitions(table, rows)
        watch.lap("partitions")
        with self._connection.transaction():
            write_until = share_write_mark(self._connection)
            try:
                insert_ledger(self._connection, batch, counts)
            except psycopg.errors.UniqueViolation as error:
                raise _EnvelopeKnown from error
            if folded_envelopes(self._connection, batch):
                raise _EnvelopeKnown
            watch.lap("ledger")
            fates = [
                (rows, store(self._connection, table, rows, self._last_times))
                for table, rows in ((NUMBERS, numbers), (TEXTS, texts))
            ]
            watch.lap("readings")
            _correct_counts(batch, counts, fates)
            correct_ledger(self._connection, batch, counts)
            late_marks = leave_late_marks(self._connection, numbers, fates[0][1].fate, write_until)
            intake = self._quarantine.take(self._connection, quarantine_entries(batch, fates))
            watch.lap("marks")
        watch.lap("commit")
        return WriteResult(
            stored=[entry.id for entry in batch.envelopes],
            counts=counts,
            latest_numbers=latest_of(numbers, fates[0][1].fate),
            latest_texts=latest_of(texts, fates[1][1].fate),
            late_marks=late_marks,
            quarantine=intake,
            direct=sum(stored.direct for _, stored in fates),
        )

    def _ensure_partitions(self, table: Table, rows: Rows) -> None:
        """Before the transaction, so that no lock on the table is held for long."""
        check_times(rows.time)
        if self._kind is not StorageKind.PLAIN or not len(rows):
            return
        missing = self._partitions.missing(table.name, rows.time)
        if len(missing):
            ensure_partitions(self._connection, table.name, missing)
            self._partitions.remember(table.name, missing)

    def _note_latest(self, batch: Batch, result: WriteResult) -> None:
        """What step 5 will write, and what it means for the next batch."""
        self._remember(result.latest_numbers, result.latest_texts)
        self._latest.append((result.latest_numbers, result.latest_texts))
        if result.known:
            known = set(result.known)
            left_out = keep_envelopes(batch, np.array([entry.id in known for entry in batch.envelopes], np.bool_))
            numbers, texts = (latest_of(rows) for rows in sorted_rows(left_out))
            self._remember(numbers, texts)
            self._latest_known.append((numbers, texts))

    def _remember(self, *latest: Latest) -> None:
        for each in latest:
            self._last_times.advance(each.series, each.time)


def _without(batch: Batch, known: set[bytes]) -> Batch:
    """The batch without known envelopes, and without a second copy of one."""
    seen, keep = set(known), list[bool]()
    for entry in batch.envelopes:
        keep.append(entry.id not in seen)
        seen.add(entry.id)
    return batch if all(keep) else keep_envelopes(batch, np.array(keep, np.bool_))


def _correct_counts(batch: Batch, counts: EnvelopeCounts, fates: list[tuple[Rows, Stored]]) -> None:
    for rows, stored in fates:
        if stored.direct < len(rows):
            counts.duplicate += per_envelope(batch, rows.position[stored.fate == Fate.DUPLICATE])
            counts.conflict += per_envelope(batch, rows.position[stored.fate == Fate.CONFLICT])
