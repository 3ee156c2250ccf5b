"""Times in columns, the accepted window, and taking messages out of a batch."""

from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sens.decoders.assembly import concatenate
from sens.decoders.rejecting import insert_rejected, reject
from sens.decoders.times import check_times, number_to_us, parse_uniform_times, time_parser
from sens.domain.columns import NO_TIME, NOTHING, Decoded, Field, Kind, Rejection, Shape
from sens.domain.errors import Reject
from sens.domain.reasons import Reason

NOW = 1_700_000_000_000_000
DAY_US = 86_400_000_000
ONE = Shape((Field(None, "a", "", Kind.NUMBER),))
TWO = Shape((Field(None, "a", "", Kind.NUMBER), Field(None, "s", "", Kind.TEXT)))
WHY = Rejection(Reason.CONFLICT, "a test")

TIMES = st.one_of(
    st.integers(), st.integers(1_600_000_000, 1_800_000_000), st.floats(), st.text(max_size=30),
    st.datetimes(min_value=datetime(1, 1, 2)).map(lambda time: time.isoformat() + "Z"),
    st.datetimes().map(str), st.sampled_from(["2024-01-01T00:00:00+02:00", "2024-02-30T00:00:00Z", "20240101", "now"]),
)  # fmt: skip
FORMATS = st.sampled_from(["auto", "s", "ms", "us", "ns", "iso8601"])


@given(FORMATS, st.one_of(st.lists(TIMES, min_size=1, max_size=5), TIMES.map(lambda time: [time] * 3)))
def test_times_in_a_column_are_those_that_the_parser_finds_one_by_one(time_format, values):
    column = parse_uniform_times(values, time_format)
    if column is not None:
        parse = time_parser(time_format, "ts")
        assert column.tolist() == [parse(value) for value in values]


@given(FORMATS, TIMES)
def test_a_time_is_found_or_rejected_and_fits_64_bits(time_format, value):
    found = None
    try:
        found = time_parser(time_format, "ts")(value)
    except Reject as error:
        why = error
    else:
        why = None
    assert (found is None) != (why is None)
    assert found is None or NO_TIME < found < 2**63
    assert why is None or (why.reason, why.detail.partition(":")[0]) == (Reason.INVALID_TIME, "ts")


def iso(text: str) -> int | None:
    try:
        return time_parser("iso8601", "ts")(text)
    except Reject:
        return None


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-31T12:00:00Z",
        "2024-01-31t12:00:00z",
        "2024-01-31 12:00:00",
        "2024-01-31T12:00",
        "2024-01-31T12Z",
        "2024-01-31T12:00:00,0Z",
        "2024-01-31T12:00:00.0000009Z",
        "2024-01-31 13:00:00 +01:00",
        "2024-01-31T17:30:00+0530",
        "2024-01-31T07:00-05",
        "20240131T120000Z",
        "2024-W05-3T12:00Z",
        "2024W053T12",
    ],
)
def test_one_instant_is_the_same_in_every_form_of_iso_8601(text):
    assert iso(text) == 1_706_702_400_000_000


def test_24_00_is_the_end_of_the_day():
    forms = [
        "2024-01-31T24:00:00Z",
        "2024-01-31t24:00z",
        "2024-01-31T24Z",
        "20240131T240000.000Z",
        "2024-01-31 24:00:00,0",
    ]
    assert {iso(text) for text in forms} == {iso("2024-02-01T00:00:00Z")}
    assert iso("2024-01-31T24:00+01:00") == iso("2024-01-31T23:00:00Z")


@pytest.mark.parametrize(
    "text",
    ["2024-01-31T24:00:01Z", "2024-01-31T25:00Z", "2024-01-31T12:00:60Z", "2024-01-31T12:00:00.Z", "2024-01-31T",
     "2024-01-31T12:00:00+", "2024-01-31T12:00:00Zx", "2024-01-31T1200:00Z", "2024-01-31x12:00:00Z", "2024-W05",
     "2024-02-30T00:00Z", "2024-01-31T12:00:00+24:00", "２０２４-01-31T12:00:00Z", "9999-12-31T24:00Z", "2024-0131",
     "2024-01-31T12:00:00Z\n2024-01-31T12:00:00Z"],
)  # fmt: skip
def test_what_is_no_time_in_iso_8601_is_none_on_any_version_of_python(text):
    assert iso(text) is None
    assert parse_uniform_times([text, "2024-01-31T12:00:00Z"], "iso8601") is None


@pytest.mark.parametrize("values", [[1_700_000_000, 1_700_000_001], ["2023-11-14T22:13:20Z"] * 2])
def test_uniform_times_take_the_fast_way(values):
    assert parse_uniform_times(values, "auto") is not None


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_integers_are_converted_exactly(time_us):
    assert number_to_us(time_us, "us") == time_us
    assert number_to_us(time_us * 1000 + 999, "ns") == time_us


def batch() -> Decoded:
    """Messages of 1, 2, 0 (rejected) and 2 readings."""
    return Decoded(
        shapes=[ONE, TWO, NOTHING, TWO],
        values=np.array([1.0, 2.0, 0.0, 3.0, 0.0]),
        times=np.array([NOW, NO_TIME, NO_TIME, NOW, NOW]),
        texts={2: "first", 4: "second"},
        rejections={2: WHY},
    )


def test_a_rejected_message_takes_all_its_readings_with_it():
    found = reject(batch(), {1: WHY})
    assert found.shapes == [ONE, NOTHING, NOTHING, TWO]
    assert found.values.tolist() == [1.0, 3.0, 0.0]
    assert found.times is not None
    assert found.times.tolist() == [NOW, NOW, NOW]
    assert found.texts == {2: "second"}
    assert found.rejections == {1: WHY, 2: WHY}


def test_the_first_rejection_of_a_message_stays():
    again = Rejection(Reason.TOO_LONG, "later")
    assert reject(batch(), {2: again}).rejections == {2: WHY}


def test_rejecting_nothing_changes_nothing():
    before = batch()
    assert reject(before, {}) is before
    assert insert_rejected(before, {}) is before


def test_rejected_messages_are_put_back_where_they_were():
    first, last = Rejection(Reason.TOO_LONG, "first"), Rejection(Reason.TOO_DEEP, "last")
    found = insert_rejected(batch(), {0: first, 5: last})
    assert found.shapes == [NOTHING, ONE, TWO, NOTHING, TWO, NOTHING]
    assert found.rejections == {0: first, 3: WHY, 5: last}
    assert found.texts == batch().texts


def test_batches_are_put_together_in_order():
    without_times = Decoded([ONE], np.array([9.0]))
    found = concatenate([batch(), without_times, batch()])
    assert found.values.tolist() == [1.0, 2.0, 0.0, 3.0, 0.0, 9.0, 1.0, 2.0, 0.0, 3.0, 0.0]
    assert found.times is not None
    assert found.times.tolist()[5] == NO_TIME
    assert found.texts == {2: "first", 4: "second", 8: "first", 10: "second"}
    assert found.rejections == {2: WHY, 7: WHY}
    assert concatenate([]).shapes == []


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        (NOW - 10 * DAY_US, None),
        (NOW - 10 * DAY_US - 1, Reason.TIME_TOO_OLD),
        (NOW + DAY_US, None),
        (NOW + DAY_US + 1, Reason.TIME_TOO_NEW),
        (NO_TIME, None),
        (NO_TIME + 1, Reason.TIME_TOO_OLD),
        (2**63 - 1, Reason.TIME_TOO_NEW),
    ],
)
def test_a_time_outside_the_window_rejects_its_message(time, reason):
    decoded = batch()
    assert decoded.times is not None
    decoded.times[3] = time
    found = check_times(decoded, np.full(4, NOW), oldest_us=10 * DAY_US, newest_us=DAY_US)
    if reason is None:
        assert found is decoded
    else:
        assert found.rejections[3].reason == reason
        assert "received 2023-11-14T22:13:20.000000Z" in found.rejections[3].detail
        assert found.shapes == [ONE, TWO, NOTHING, NOTHING]
        assert found.texts == {2: "first"}


def test_the_window_is_that_of_each_messages_own_receive_time():
    decoded = Decoded([ONE, ONE], np.array([1.0, 2.0]), np.array([NOW, NOW]))
    found = check_times(decoded, np.array([NOW, NOW + 3 * DAY_US]), oldest_us=DAY_US, newest_us=DAY_US)
    assert list(found.rejections) == [1]


def test_readings_without_times_are_never_outside_the_window():
    decoded = Decoded([ONE], np.array([1.0]))
    assert check_times(decoded, np.array([NOW]), 0, 0) is decoded
