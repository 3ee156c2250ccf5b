"""Columns become the bytes that PostgreSQL's COPY expects; batches become sorted rows and quarantine entries."""

import struct

import numpy as np
import pytest

from batches import MONDAY, Envelope, Message, batch_of
from sens.domain.columns import NO_TIME
from sens.domain.reasons import Reason
from sens.storage.arrays import POSTGRES_EPOCH
from sens.storage.copy_rows import mark_rows, number_rows, staged_number_rows, staged_text_rows, text_rows
from sens.storage.errors import DataRefused
from sens.storage.last_times import LastTimes
from sens.storage.latest import latest_of
from sens.storage.ledger_rows import count_envelopes
from sens.storage.partitions import KnownPartitions
from sens.storage.quarantine_entries import quarantine_entries
from sens.storage.quarantine_intake import storable_text
from sens.storage.readings import Fate, Stored, sorted_rows

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
SERIES, TIME = np.array([7], np.int32), np.array([POSTGRES_EPOCH + 5], np.int64)
DAY = 86_400_000_000


def test_rows_are_what_the_copy_format_says() -> None:
    value = np.array([1.5])
    number = struct.pack(">hiiiqid", 3, 4, 7, 8, 5, 8, 1.5)
    assert number_rows(SERIES, TIME, value) == HEADER + number + b"\xff\xff"
    staged = struct.pack(">hiiiiiqid", 4, 4, 0, 4, 7, 8, 5, 8, 1.5)
    assert staged_number_rows(SERIES, TIME, value) == HEADER + staged + b"\xff\xff"
    assert mark_rows(SERIES, TIME) == HEADER + struct.pack(">hiiiq", 2, 4, 7, 8, 5) + b"\xff\xff"
    text = struct.pack(">hiiiqi", 3, 4, 7, 8, 5, 3) + "aé".encode()
    assert text_rows(SERIES, TIME, ["aé"]) == HEADER + text + b"\xff\xff"
    staged = struct.pack(">hiiiiiqi", 4, 4, 0, 4, 7, 8, 5, 1) + b"a"
    assert staged_text_rows(SERIES, TIME, ["a"]) == HEADER + staged + b"\xff\xff"


def test_a_text_that_is_no_unicode_is_refused_as_data() -> None:
    with pytest.raises(DataRefused):
        text_rows(SERIES, TIME, ["\ud800"])


def test_rows_are_sorted_by_series_and_time_and_keep_the_order_of_arrival_at_one_instant() -> None:
    batch = batch_of(Envelope([Message([(2, 9, 1.0), (1, 9, "x"), (1, 5, 2.0)]), Message([(2, 9, 3.0), (1, 8, "y")])]))
    numbers, texts = sorted_rows(batch)
    assert list(zip(numbers.series.tolist(), numbers.time.tolist(), numbers.value.tolist(), strict=True)) == [
        (1, 5, 2.0),
        (2, 9, 1.0),
        (2, 9, 3.0),
    ]
    assert numbers.position.tolist() == [2, 0, 3]
    assert texts.value.tolist() == ["y", "x"]
    assert texts.position.tolist() == [4, 1]


def test_the_latest_of_each_series_leaves_out_conflicts() -> None:
    numbers, _ = sorted_rows(batch_of(Envelope([Message([(1, 5, 1.0), (1, 6, 2.0), (2, 7, 3.0), (3, 1, 9.0)])])))
    fate = np.array([Fate.STORED, Fate.CONFLICT, Fate.DUPLICATE, Fate.CONFLICT], np.uint8)
    latest = latest_of(numbers, fate)
    assert (latest.series.tolist(), latest.time.tolist(), latest.value.tolist()) == ([1, 2], [5, 7], [1.0, 3.0])
    assert latest_of(numbers).series.tolist() == [1, 2, 3]


def test_envelopes_are_counted_by_outcome() -> None:
    counts = count_envelopes(
        batch_of(
            Envelope([Message([(1, 1, 1.0), (2, 1, 1.0)]), Message(ignored=True)]),
            Envelope([]),
            Envelope([Message(refused=(Reason.NO_ROUTE, "")), Message([(1, 2, 1.0)])]),
        )
    )
    assert counts.decoded.tolist() == [1, 0, 1]
    assert counts.ignored.tolist() == [1, 0, 0]
    assert counts.quarantined.tolist() == [0, 0, 1]
    assert counts.readings.tolist() == counts.stored.tolist() == [2, 0, 1]


def test_a_message_with_many_conflicts_is_one_entry_that_names_the_first() -> None:
    batch = batch_of(Envelope([Message(), Message([(s, MONDAY, 2.0) for s in range(1, 9)], payload=b"p")]))
    numbers, _ = sorted_rows(batch)
    stored = Stored(np.full(8, Fate.CONFLICT, np.uint8), dict.fromkeys(range(8), 1.0), 0)
    (entry,) = quarantine_entries(batch, [(numbers, stored)])
    assert (entry.position, entry.payload, entry.reason) == (1, b"p", Reason.CONFLICT)
    assert entry.detail.startswith("series 1 at 2026-01-05T00:00:00.000000Z: stored 1.0, refused 2.0; series 2 ")
    assert entry.detail.endswith("; and 3 more")


def test_details_are_made_storable() -> None:
    assert storable_text("a\0b\ud800é") == "a\\x00b\\ud800é"


def test_last_times_only_advance_and_grow_with_the_series() -> None:
    last = LastTimes()
    last.advance(np.array([1, 50_000], np.int32), np.array([10, 20], np.int64))
    last.advance(np.array([1, 50_000], np.int32), np.array([5, 30], np.int64))
    assert last.of(np.array([50_000, 1, 2, 900_000], np.int32)).tolist() == [30, 10, NO_TIME, NO_TIME]
    last.advance(np.array([], np.int32), np.array([], np.int64))
    assert last.of(np.array([], np.int32)).tolist() == []


def test_a_partition_is_missing_until_it_is_remembered() -> None:
    known = KnownPartitions()
    times = np.array([MONDAY, MONDAY + 7 * DAY - 1, MONDAY - 1, 0], np.int64)
    missing = known.missing("reading", times)
    assert missing.tolist() == [-3 * DAY, MONDAY - 7 * DAY, MONDAY]  # the Mondays they fall after
    known.remember("reading", missing)
    assert known.missing("reading", times).tolist() == []
    assert known.missing("reading_10m", times[:1]).tolist() != []
    known.forget()
    assert known.missing("reading", times[:1]).tolist() == [MONDAY]
