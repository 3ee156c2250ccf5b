"""Every reading of a batch ends as stored, duplicate or conflict, and the ledger says so for its envelope."""

from typing import Any

import numpy as np
import pytest

from batches import MONDAY, Envelope, Message, batch_of, steady_batch
from sens.domain.batch_ops import quarantine_messages
from sens.domain.errors import Fatal
from sens.domain.ledger import MessageCounts, ReadingCounts
from sens.domain.reasons import Reason
from sens.storage.errors import DataRefused, SchemaMismatch
from sens.storage.kinds import StorageKind, storage_kind
from sens.storage.refusals import BatchRefused
from sens.storage.times import BUCKET
from store import Store, at

SECOND = 1_000_000


def quarantine(store: Store) -> list[tuple[Any, ...]]:
    return store.rows("SELECT envelope_id, position, reason, detail, topic, payload, state FROM quarantine ORDER BY id")


def test_new_readings_go_straight_and_all_is_accounted_for(store: Store) -> None:
    batch = steady_batch(MONDAY)
    result = store.writer().write(batch)
    assert result.direct == 600
    assert result.messages == MessageCounts(decoded=200)
    assert result.readings == ReadingCounts(decoded=600, stored=600)
    expected = zip(batch.series.tolist(), batch.time.tolist(), batch.value.tolist(), strict=True)
    assert store.readings() == sorted(expected)
    assert store.ledger() == {entry.id: (50, 0, 0, 150, 150, 0, 0) for entry in batch.envelopes}
    assert set(result.seconds) == {"sort", "partitions", "ledger", "readings", "marks", "commit", "latest"}


def test_the_ledger_row_says_where_the_envelope_stands_in_the_log(store: Store) -> None:
    envelope = Envelope([Message(ignored=True)], sequence=77, received_at=MONDAY + 1)
    store.writer().write(batch_of(envelope))
    assert store.rows("SELECT source_id, session, epoch, sequence, received_at, total FROM ledger") == [
        (1, "exclusive", b"epoch-01", 77, at(MONDAY + 1), 1)
    ]


def test_a_batch_written_again_adds_nothing(store: Store) -> None:
    batch, writer = steady_batch(MONDAY), store.writer()
    writer.write(batch)
    before = store.readings(), store.ledger()
    for again in (writer, store.writer()):
        result = again.write(batch)
        assert set(result.known) == {entry.id for entry in batch.envelopes}
        assert result.stored == []
        assert result.readings == ReadingCounts()
    assert (store.readings(), store.ledger()) == before


def test_known_envelopes_are_left_out_and_the_others_stored(store: Store) -> None:
    first, second = (Envelope([Message([(1, MONDAY + n, float(n)), (2, MONDAY + n, "x")])]) for n in range(2))
    writer = store.writer()
    writer.write(batch_of(first))
    result = writer.write(batch_of(first, second, first))
    assert (result.known, result.stored) == ([first.id], [second.id])
    assert result.readings == ReadingCounts(decoded=2, stored=2)
    assert len(store.readings()) == len(store.readings("reading_text")) == 2


def test_an_envelope_that_stands_twice_in_a_batch_is_stored_once(store: Store) -> None:
    envelope = Envelope([Message([(1, MONDAY, 1.0)])])
    result = store.writer().write(batch_of(envelope, envelope))
    assert result.stored == [envelope.id]
    assert store.readings() == [(1, MONDAY, 1.0)]


@pytest.mark.parametrize("fresh_memory", [False, True])
@pytest.mark.parametrize(("value", "other"), [(1.0, 2.0), ("one", "two")])
def test_the_same_value_again_is_a_duplicate_and_another_one_a_conflict(
    store: Store, value: float | str, other: float | str, fresh_memory: bool
) -> None:
    writer = store.writer()
    writer.write(batch_of(Envelope([Message([(1, MONDAY, value)])])))
    same = Envelope([Message([(1, MONDAY, value), (1, MONDAY + 1, value)])])
    differs = Envelope([Message([(1, MONDAY + 2, value)]), Message([(1, MONDAY, other)], payload=b"P", topic=b"T")])
    # A writer that does not remember the series meets what is stored by a violated key.
    result = (store.writer() if fresh_memory else writer).write(batch_of(same, differs))
    assert result.readings == ReadingCounts(decoded=4, stored=2, duplicate=1, conflict=1)
    assert store.ledger()[same.id] == (1, 0, 0, 2, 1, 1, 0)
    assert store.ledger()[differs.id] == (2, 0, 0, 2, 1, 0, 1)
    table = "reading" if isinstance(value, float) else "reading_text"
    assert store.readings(table) == [(1, MONDAY, value), (1, MONDAY + 1, value), (1, MONDAY + 2, value)]
    ((envelope_id, *row),) = quarantine(store)
    assert envelope_id.bytes == differs.id
    detail = f"series 1 at 2026-01-05T00:00:00.000000Z: stored {value!r}, refused {other!r}"
    assert row == [1, "conflict", detail, b"T", b"P", 0]


def test_within_a_batch_the_first_to_arrive_stays(store: Store) -> None:
    a = Envelope([Message([(1, MONDAY, 1.0), (2, MONDAY, "a")]), Message([(1, MONDAY, 1.0), (2, MONDAY, "b")])])
    b = Envelope([Message([(1, MONDAY, 3.0), (2, MONDAY, "a"), (1, MONDAY + 1, 4.0)])])
    result = store.writer().write(batch_of(a, b))
    assert store.readings() == [(1, MONDAY, 1.0), (1, MONDAY + 1, 4.0)]
    assert store.readings("reading_text") == [(2, MONDAY, "a")]
    assert store.ledger() == {a.id: (2, 0, 0, 4, 2, 1, 1), b.id: (1, 0, 0, 3, 1, 1, 1)}
    assert result.direct == 1
    assert [(position, detail.split(": ")[1]) for _, position, _, detail, *_ in quarantine(store)] == [
        (0, "stored 1.0, refused 3.0"),
        (1, "stored 'a', refused 'b'"),
    ]


def test_twins_in_a_batch_are_measured_against_what_is_stored(store: Store) -> None:
    writer = store.writer()
    writer.write(batch_of(Envelope([Message([(1, MONDAY, 1.0)])])))
    twins = Envelope([Message([(1, MONDAY, 2.0)]), Message([(1, MONDAY, 1.0)]), Message([(1, MONDAY, 2.0)])])
    assert writer.write(batch_of(twins)).readings == ReadingCounts(decoded=3, duplicate=1, conflict=2)
    assert store.readings() == [(1, MONDAY, 1.0)]


def test_readings_older_than_the_newest_are_stored_beside_new_ones(store: Store) -> None:
    writer = store.writer()
    writer.write(batch_of(Envelope([Message([(1, MONDAY + 10, 1.0)])])))
    result = writer.write(batch_of(Envelope([Message([(1, MONDAY + 5, 2.0), (1, MONDAY + 11, 3.0)])])))
    assert (result.direct, result.readings) == (1, ReadingCounts(decoded=2, stored=2))
    assert [time - MONDAY for _, time, _ in store.readings()] == [5, 10, 11]


def test_random_batches_with_repeats_end_as_one_by_one_inserts_would(store: Store) -> None:
    random, writers, oracle = (
        np.random.default_rng(5),
        (store.writer(), store.writer()),
        dict[tuple[int, int], float | str](),
    )
    for round_ in range(12):
        fates, messages = np.zeros(3, int), list[Message]()
        for _ in range(60):
            series = int(random.integers(1, 5))
            key = (series, MONDAY + int(random.integers(0, 60)))
            value = f"v{random.integers(2)}" if series == 4 else float(random.integers(2))
            messages.append(Message([(*key, value)]))
            fates[0 if key not in oracle else 1 if oracle[key] == value else 2] += 1
            oracle.setdefault(key, value)
        result = writers[round_ % 2].write(batch_of(Envelope(messages)))
        counts = result.readings
        assert (counts.stored, counts.duplicate, counts.conflict) == tuple(fates)
        assert counts.balanced
        assert store.readings() + store.readings("reading_text") == sorted((*k, v) for k, v in oracle.items())
    assert len(quarantine(store)) == store.one("SELECT sum(readings_conflict) FROM ledger")


def test_quarantined_and_ignored_messages_are_counted_and_kept_with_their_bytes(store: Store) -> None:
    bad = Message(refused=(Reason.INVALID_SYNTAX, "byte 3: \0 \ud800"), topic=b"\xff/x", payload=b"\0\xff{")
    envelope = Envelope([Message(ignored=True), bad, Message([(1, MONDAY, 1.0)])])
    result = store.writer().write(batch_of(envelope, Envelope([])))
    assert result.messages == MessageCounts(decoded=1, ignored=1, quarantined=1)
    assert result.quarantine == (1, 0)
    ((_, *row),) = quarantine(store)
    assert row == [1, "invalid_syntax", "byte 3: \\x00 \\ud800", b"\xff/x", b"\0\xff{", 0]
    assert store.one("SELECT received_at FROM quarantine") == at(MONDAY + 1)


def test_the_latest_value_is_the_newest_and_never_a_refused_one(store: Store) -> None:
    writer = store.writer()
    writer.write(batch_of(Envelope([Message([(1, MONDAY + 5, 1.0), (2, MONDAY + 5, "on"), (3, MONDAY, 7.0)])])))
    result = writer.write(
        batch_of(Envelope([Message([(1, MONDAY + 4, 2.0), (1, MONDAY + 5, 9.0), (2, MONDAY + 6, "off")])]))
    )
    assert store.latest() == {1: (MONDAY + 5, 1.0), 2: (MONDAY + 6, "off"), 3: (MONDAY, 7.0)}
    assert (result.latest_numbers.series.tolist(), result.latest_numbers.value.tolist()) == ([1], [2.0])
    assert result.latest_texts.value.tolist() == ["off"]


def test_late_readings_and_only_they_leave_marks_once_per_series_and_bucket(store: Store) -> None:
    until = MONDAY + 3 * BUCKET
    writer = store.writer()
    assert writer.write(batch_of(Envelope([Message([(1, MONDAY, 0.0)])]))).late_marks == 0
    store.connection.execute("UPDATE rollup_mark SET write_until = %s", (at(until),))
    readings = [
        (1, until, 1.0),  # in time
        (1, until - 1, 1.0),
        (1, until - 2, 1.0),
        (2, until - 2, 1.0),
        (2, MONDAY + BUCKET, 1.0),
        (1, MONDAY, 0.0),  # a duplicate changes nothing
        (1, MONDAY, 5.0),  # nor does a conflict
        (9, MONDAY, "text"),  # nor a text, which has no rollup
    ]
    assert writer.write(batch_of(Envelope([Message(readings)]))).late_marks == 3
    assert store.rows("SELECT series_id, bucket FROM late_mark ORDER BY 1, 2") == [
        (1, at(MONDAY + 2 * BUCKET)),
        (2, at(MONDAY + BUCKET)),
        (2, at(MONDAY + 2 * BUCKET)),
    ]


def test_messages_that_the_database_refuses_are_found_and_the_rest_is_stored(store: Store) -> None:
    store.admin.execute("ALTER TABLE reading ADD CONSTRAINT sane CHECK (value < 1000)")
    store.admin.execute("ALTER TABLE reading_text ADD CONSTRAINT short CHECK (length(value) < 5)")
    messages = [Message([(1, MONDAY + n, float(n)), (2, MONDAY + n, "ok")]) for n in range(60)]
    messages[7] = Message([(1, MONDAY + 7, 1.0), (1, MONDAY + 70, 1000.0)])
    messages[31] = Message([(2, MONDAY + 31, "too long")])
    messages[44] = Message([(1, 2**62, 1.0)])
    messages[45] = Message([(2, MONDAY + 45, "\0")])
    messages[46] = Message([(2, MONDAY + 46, "\ud800")])
    batch, writer = batch_of(Envelope(messages[:30]), Envelope(messages[30:])), store.writer()
    with pytest.raises(DataRefused):
        writer.write(batch)
    refused = writer.find_refused(batch)
    assert [(q.message, q.reason) for q in refused] == [(n, Reason.REFUSED_BY_DATABASE) for n in (7, 31, 44, 45, 46)]
    assert "sane" in refused[0].detail
    assert store.readings() == store.readings("reading_text") == []
    result = writer.write(quarantine_messages(batch, refused))
    assert result.messages == MessageCounts(decoded=55, quarantined=5)
    assert result.readings == ReadingCounts(decoded=110, stored=110)
    assert [(position, reason) for _, position, reason, *_ in quarantine(store)] == [
        (n, "refused_by_database") for n in (7, 1, 14, 15, 16)
    ]


def test_a_refusal_that_is_not_the_readings_fault_ends_the_process_with_a_reason(store: Store) -> None:
    batch, writer = batch_of(Envelope([Message([(1, MONDAY, 1.0)])], source_id=999)), store.writer()
    with pytest.raises(DataRefused, match="foreign key"):
        writer.write(batch)
    with pytest.raises(BatchRefused) as caught:
        writer.find_refused(batch)
    assert isinstance(caught.value, Fatal)


def test_a_schema_that_does_not_fit_is_said_so(store: Store) -> None:
    writer = store.writer()
    store.admin.execute("ALTER TABLE ledger RENAME COLUMN total TO totals")
    with pytest.raises(SchemaMismatch, match="sens migrate"):
        writer.write(steady_batch(MONDAY))


def test_late_readings_reach_the_columnstore_and_their_twins_are_recognised(store: Store) -> None:
    if storage_kind(store.connection) is not StorageKind.TIMESCALE:
        pytest.skip("only TimescaleDB with the TSL licence has a columnstore")
    writer = store.writer()
    writer.write(steady_batch(MONDAY, envelopes=4, messages=500, series=20))
    store.admin.execute("SELECT compress_chunk(c) FROM show_chunks('reading') c")
    readings = [(s, MONDAY + m, float(s - 1)) for s in range(1, 21) for m in range(0, 2000, 100)]
    late = [(s, MONDAY + m, v + 1) for s, m, v in [(1, 0, 0.0), (2, 100, 1.0)]]
    new = [(s, MONDAY - 5 + n, 9.0) for s in range(1, 21) for n in range(5)]
    result = writer.write(batch_of(Envelope([Message(readings), Message(late), Message(new)])))
    assert result.readings == ReadingCounts(decoded=502, stored=100, duplicate=400, conflict=2)
    assert store.one("SELECT count(*) FROM reading") == 40_100
