"""The `json` decoder: what becomes a reading, and what is refused."""

import json
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sens.decoders import caches, json_values
from sens.decoders.json import JsonDecoder
from sens.decoders.json_options import JsonOptions
from sens.domain.reasons import Reason

T0 = 1_700_000_000_000_000


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"a": 1, "b": 2.5}, {"a": 1.0, "b": 2.5}),
        ({"a": True, "b": False}, {"a": True, "b": False}),
        ({"a": "on", "b": "ünï"}, {"a": "on", "b": "ünï"}),
        ({"a": None, "b": 1}, {"b": 1.0}),
        ({"a": {"b": {"c": 1}, "d": 2}, "e": 3}, {"a.b.c": 1.0, "a.d": 2.0, "e": 3.0}),
        ({"a": [1, 2.5, True]}, {"a.0": 1.0, "a.1": 2.5, "a.2": True}),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a.0.b": 1.0, "a.1.b": 2.0}),
        ({"a": [[1], [2, 3]], "e": [], "o": {}}, {"a.0.0": 1.0, "a.1.0": 2.0, "a.1.1": 3.0}),
        ({"a": 10**30, "b": -(2**63)}, {"a": 1e30, "b": -(2.0**63)}),
        ({"a": "12", "b": ""}, {"a": "12", "b": ""}),
        ({"": 5, "a": {"": 6}}, {"": 5.0, "a": 6.0}),
        (21.5, {"": 21.5}),
        ("on", {"": "on"}),
        (True, {"": True}),
        ([1, 2], {"0": 1.0, "1": 2.0}),
        ([1, {"a": 2}], {"0": 1.0, "1.a": 2.0}),
    ],
)
def test_numbers_booleans_and_texts_become_readings_with_dotted_names(readings, payload, expected):
    found = readings("json", {}, json.dumps(payload).encode())
    assert {metric: value for _, metric, _, value, _ in found} == expected
    assert [type(value) for *_, value, _ in sorted(found)] == [type(expected[name]) for name in sorted(expected)]
    assert {(device, unit, time) for device, _, unit, _, time in found} == {(None, "", None)}


@pytest.mark.parametrize(
    ("options", "payload", "reason", "place"),
    [
        ({}, b"", Reason.EMPTY_PAYLOAD, "0 bytes"),
        ({}, b" ", Reason.INVALID_SYNTAX, ""),
        ({}, b"{", Reason.INVALID_SYNTAX, ""),
        ({}, b'{"a":01}', Reason.INVALID_SYNTAX, "byte"),
        ({}, b'{"a":NaN}', Reason.INVALID_SYNTAX, "byte"),
        ({}, b'{"a":Infinity}', Reason.INVALID_SYNTAX, "byte"),
        ({}, b'{"a":1},{"a":2}', Reason.INVALID_SYNTAX, "byte"),
        ({}, b'{"a":"\xff"}', Reason.INVALID_SYNTAX, "UTF-8"),
        ({}, b'{"\xff":1}', Reason.INVALID_SYNTAX, "UTF-8"),
        ({}, b'{"a":"\\ud800"}', Reason.INVALID_SYNTAX, ""),
        ({}, b'{"a":"\\ud800\\u0041"}', Reason.INVALID_SYNTAX, "surrogate"),
        ({}, b'{"\\udc00":1}', Reason.INVALID_SYNTAX, ""),
        ({}, b'\xef\xbb\xbf{"a":1}', Reason.INVALID_SYNTAX, ""),
        ({}, b'{"a":1e999}', Reason.NOT_FINITE, ""),
        ({}, b'{"a":' + b"9" * 309 + b"}", Reason.NOT_FINITE, ""),
        ({}, b'{"a":' + b"9" * 5000 + b"}", Reason.NOT_FINITE, ""),
        ({"fields": {"a": {"scale": 1e300}}}, b'{"a":1e300}', Reason.NOT_FINITE, "'a'"),
        ({}, b"{}", Reason.NO_READINGS, ""),
        ({}, b"[]", Reason.NO_READINGS, ""),
        ({}, b"null", Reason.NO_READINGS, ""),
        ({}, b'{"a":null,"b":{},"c":[]}', Reason.NO_READINGS, ""),
        ({"text": False}, b'{"a":"x"}', Reason.NO_READINGS, ""),
        ({"fields": ["b"]}, b'{"a":1}', Reason.NO_READINGS, ""),
        ({}, b"[" * 17 + b"1" + b"]" * 17, Reason.TOO_DEEP, "16"),
        ({}, b'{"a":' * 17 + b"1" + b"}" * 17, Reason.TOO_DEEP, "16"),
        ({}, b"[" * 100_000, Reason.TOO_DEEP, ""),
        ({}, b"[" * 100_000 + b"]" * 100_000, Reason.TOO_DEEP, ""),
        ({"max_depth": 1}, b'{"a":{"b":1}}', Reason.TOO_DEEP, "1 levels"),
        ({"max_payload_bytes": 6}, b'{"a":1} ', Reason.TOO_LONG, "8 bytes"),
        ({"max_text_chars": 2}, b'{"a":"xyz"}', Reason.TOO_LONG, "'a'"),
        ({"max_name_chars": 2}, b'{"a":{"b":1}}', Reason.TOO_LONG, "'a.b'"),
        ({"max_name_chars": 2}, b'{"abc":{"b":null}}', Reason.TOO_LONG, "'abc'"),
        ({"max_readings": 2}, b'{"a":[1,2,3]}', Reason.TOO_MANY_READINGS, "3"),
        ({"max_readings": 2}, b'[{"a":1},{"b":2},{"c":3}]', Reason.TOO_MANY_READINGS, "2"),
        ({}, b'{"a":"x\\u0000y"}', Reason.NUL_IN_TEXT, "'a', character 1"),
        ({}, b'"\\u0000"', Reason.NUL_IN_TEXT, "the payload, character 0"),
        ({"value": {"field": "v"}}, b'{"v":null}', Reason.MISSING_FIELD, "null"),
        ({"time": {"field": "t"}}, b'{"t":true,"a":1}', Reason.INVALID_TIME, "t: true is not a number"),
        ({"time": {"field": "t"}}, b'{"t":[],"a":1}', Reason.INVALID_TIME, "t: an array is not a number"),
        (
            {"metric": {"field": "m"}, "value": {"field": "v"}},
            b'{"m":false,"v":1}',
            Reason.INVALID_VALUE,
            "false is no name",
        ),
        ({"records": "r"}, b'{"r":true}', Reason.INVALID_SHAPE, "'r' is true, not an array of objects"),
        ({}, b'{"a\\u0000":1}', Reason.INVALID_NAME, "'a\\x00'"),
        ({}, b'{"a\\nb":1}', Reason.INVALID_NAME, "'a\\nb' holds a control character"),
        ({}, b'{" ":1}', Reason.INVALID_NAME, "' ' is empty"),
        ({}, b'{"a":{"\\u0085":true}}', Reason.INVALID_NAME, "'a.\\x85'"),
    ],
)
def test_a_payload_that_cannot_be_stored_is_rejected_with_its_reason_and_place(
    rejection, options, payload, reason, place
):
    found = rejection("json", options, payload)
    assert found.reason == reason
    assert place in found.detail


def test_of_a_key_that_is_there_twice_the_last_counts(readings):
    assert readings("json", {}, b'{"a":1,"a":2}') == [(None, "a", "", 2.0, None)]


@pytest.mark.parametrize(
    ("time", "value", "expected_us"),
    [
        ({}, 1_700_000_000, T0),
        ({}, 1_700_000_000_123, T0 + 123_000),
        ({}, 1_700_000_000_123_456, T0 + 123_456),
        ({}, 1_700_000_000_123_456_789, T0 + 123_456),
        ({}, 1_700_000_000.25, T0 + 250_000),
        ({}, "1700000000", T0),
        ({}, "1700000000.5", T0 + 500_000),
        ({}, "2023-11-14T22:13:20Z", T0),
        ({}, "2023-11-14T23:13:20.5+01:00", T0 + 500_000),
        ({}, "2023-11-14T22:13:20.123456", T0 + 123_456),
        ({}, "2023-11-14 22:13:20", T0),
        ({"format": "ms"}, 1_700_000_000_000, T0),
        ({"format": "ms"}, "1700000000000", T0),
        ({"format": "s"}, -1, -1_000_000),
        ({"format": "us"}, T0, T0),
        ({"format": "ns"}, T0 * 1000 + 999, T0),
        ({"format": "iso8601"}, "20231114T221320Z", T0),
        ({"missing": "receive_time"}, None, None),
    ],
)
def test_the_time_is_read_from_its_field_and_is_no_reading(readings, time, value, expected_us):
    options = {"time": {"field": "meta.ts", **time}}
    payload = json.dumps({"a": 1, "meta": {"ts": value}}).encode()
    assert readings("json", options, payload) == [(None, "a", "", 1.0, expected_us)]


@pytest.mark.parametrize(
    ("time", "payload", "reason"),
    [
        ({}, {"a": 1}, Reason.MISSING_FIELD),
        ({}, {"a": 1, "ts": None}, Reason.MISSING_FIELD),
        ({}, {"a": 1, "ts": True}, Reason.INVALID_TIME),
        ({}, {"a": 1, "ts": "yesterday"}, Reason.INVALID_TIME),
        ({}, {"a": 1, "ts": "NaT"}, Reason.INVALID_TIME),
        ({}, {"a": 1, "ts": ""}, Reason.INVALID_TIME),
        ({}, {"a": 1, "ts": "1" * 100}, Reason.INVALID_TIME),
        ({}, {"a": 1, "ts": {"x": 1}}, Reason.INVALID_TIME),
        ({}, {"a": 1, "ts": 10**300}, Reason.INVALID_TIME),
        ({"format": "s"}, {"a": 1, "ts": 10**13}, Reason.INVALID_TIME),
        ({"format": "s"}, {"a": 1, "ts": 1e300}, Reason.INVALID_TIME),
        ({"format": "s"}, {"a": 1, "ts": "2023-11-14T22:13:20Z"}, Reason.INVALID_TIME),
        ({"format": "iso8601"}, {"a": 1, "ts": 1_700_000_000}, Reason.INVALID_TIME),
    ],
)
def test_a_declared_time_that_is_missing_or_bad_rejects_the_message(rejection, time, payload, reason):
    found = rejection("json", {"time": {"field": "ts", **time}}, json.dumps(payload).encode())
    assert found.reason == reason
    assert "ts" in found.detail


@pytest.mark.parametrize(
    ("value", "expected"),
    [("d1", "d1"), (17, "17"), ("", Reason.INVALID_VALUE), (1.5, Reason.INVALID_VALUE), (True, Reason.INVALID_VALUE),
     (None, Reason.MISSING_FIELD), ({}, Reason.INVALID_VALUE), ("x" * 300, Reason.TOO_LONG),
     ("a\0", Reason.INVALID_NAME), (" ", Reason.INVALID_NAME), ("a\x1b", Reason.INVALID_NAME)],
)  # fmt: skip
def test_the_device_is_named_by_its_field(decode_all, value, expected):
    payload = json.dumps({"id": value, "a": 1}).encode()
    (found,) = decode_all("json", {"device": {"field": "id"}}, [payload])
    if isinstance(expected, Reason):
        assert found.reason == expected
    else:
        assert found == [(expected, "a", "", 1.0, None)]


def test_metric_and_value_style_payloads(readings, rejection):
    options = {"metric": {"field": "m"}, "value": {"field": "v"}}
    assert readings("json", options, b'{"m":"t","v":1,"x":2}') == [(None, "t", "", 1.0, None)]
    nested = readings("json", options, b'{"m":"t","v":{"x":2,"y":"z"}}')
    assert nested == [(None, "t.x", "", 2.0, None), (None, "t.y", "", "z", None)]
    assert readings("json", {"value": {"field": "v"}}, b'{"v":1,"q":2}') == [(None, "", "", 1.0, None)]
    assert rejection("json", options, b'{"m":"t"}').reason == Reason.MISSING_FIELD
    assert rejection("json", options, b'{"v":1}').reason == Reason.MISSING_FIELD
    assert rejection("json", options, b'{"m":5,"v":1}').reason == Reason.INVALID_VALUE
    assert rejection("json", options, b"5").reason == Reason.MISSING_FIELD


def test_records_are_read_each_like_a_message_of_its_own(readings):
    options = {"records": "data.items", "time": {"field": "ts"}, "device": {"field": "id"}}
    payload = {"id": "gw", "ts": 1_700_000_000, "battery": 3,
               "data": {"items": [{"t": 1}, {"t": 2, "ts": 1_700_000_001}, {"t": 3, "id": "d2"}]}}  # fmt: skip
    assert readings("json", options, json.dumps(payload).encode()) == [
        ("gw", "battery", "", 3.0, T0),
        ("gw", "t", "", 1.0, T0),
        ("gw", "t", "", 2.0, T0 + 1_000_000),
        ("d2", "t", "", 3.0, T0),
    ]


def test_a_payload_that_is_an_array_of_objects_holds_records(readings):
    payload = b'[{"ts":1700000000,"t":1},{"ts":1700000001,"t":"x"}]'
    expected = [(None, "t", "", 1.0, T0), (None, "t", "", "x", T0 + 1_000_000)]
    assert readings("json", {"time": {"field": "ts"}}, payload) == expected


@pytest.mark.parametrize(
    ("payload", "reason"),
    [(b'{"a":1}', Reason.MISSING_FIELD), (b'{"a":1,"r":5}', Reason.INVALID_SHAPE), (b'{"r":[]}', Reason.NO_READINGS),
     (b'{"r":[1]}', Reason.INVALID_SHAPE), (b'{"r":[{}]}', Reason.NO_READINGS), (b"5", Reason.MISSING_FIELD)],
)  # fmt: skip
def test_declared_records_that_are_no_array_of_objects_reject_the_message(rejection, payload, reason):
    assert rejection("json", {"records": "r"}, payload).reason == reason


def test_an_empty_array_of_records_leaves_the_other_fields(decode_all):
    options = {"records": "r", "time": {"field": "ts"}}
    payloads = [b'{"ts":1700000000,"battery":3,"r":[]}', b'{"ts":1700000000,"battery":4,"r":[{"t":1}]}']
    assert decode_all("json", options, payloads) == [
        [(None, "battery", "", 3.0, T0)],
        [(None, "battery", "", 4.0, T0), (None, "t", "", 1.0, T0)],
    ]


def test_one_bad_record_rejects_the_whole_message_and_no_other(decode_all):
    payloads = [b'[{"ts":1700000000,"a":1},{"a":"x","ts":"bad"}]', b'{"ts":1700000000,"a":"y"}']
    bad, good = decode_all("json", {"time": {"field": "ts"}}, payloads)
    assert bad.reason == Reason.INVALID_TIME
    assert good == [(None, "a", "", "y", T0)]


@pytest.mark.parametrize(
    ("options", "value", "expected"),
    [
        ({"metric": "temp", "unit": "Cel", "scale": 0.1, "offset": -4}, 250, ("temp", "Cel", 21.0)),
        ({"kind": "number"}, "21.5", ("a", "", 21.5)),
        ({"kind": "number", "scale": 2}, " 1e1 ", ("a", "", 20.0)),
        ({"kind": "number"}, True, ("a", "", 1.0)),
        ({"kind": "number"}, "warm", Reason.INVALID_VALUE),
        ({"kind": "number"}, "1_000", Reason.INVALID_VALUE),
        ({"kind": "number"}, "nan", Reason.NOT_FINITE),
        ({"kind": "number"}, 10**308, ("a", "", 1e308)),
        ({"kind": "boolean"}, 1, ("a", "", True)),
        ({"kind": "boolean"}, 0.0, ("a", "", False)),
        ({"kind": "boolean"}, "Off", ("a", "", False)),
        ({"kind": "boolean"}, 2, Reason.INVALID_VALUE),
        ({"kind": "boolean"}, "maybe", Reason.INVALID_VALUE),
        ({"kind": "text"}, 5, ("a", "", "5")),
        ({"kind": "text"}, 2.5, ("a", "", "2.5")),
        ({"kind": "text"}, True, ("a", "", "true")),
        ({"scale": 3}, "text", ("a", "", "text")),
        ({"scale": 3}, True, ("a", "", True)),
        (None, 5, ("a", "", 5.0)),
    ],
)
def test_fields_are_renamed_scaled_and_converted_as_declared(decode_all, options, value, expected):
    payload = json.dumps({"a": value, "ignored": 1}).encode()
    (found,) = decode_all("json", {"fields": {"a": options}}, [payload])
    if isinstance(expected, Reason):
        assert found.reason == expected
        assert "'a'" in found.detail
    else:
        (reading,) = found
        assert reading[1:4] == expected
        assert type(reading.value) is type(expected[2])


def test_other_fields_can_be_kept(readings):
    options = {"fields": {"a": {"unit": "Cel"}}, "other_fields": "keep"}
    assert [row[1:4] for row in readings("json", options, b'{"a":1,"b":2}')] == [("a", "Cel", 1.0), ("b", "", 2.0)]


@pytest.mark.parametrize(
    "options",
    [{"unknown": 1}, {"time": "ts"}, {"time": {"field": ""}}, {"time": {"field": "ts", "format": "min"}},
     {"metric": {"field": "m"}}, {"max_depth": 0}, {"fields": {"a": {"scale": float("nan")}}}],
)  # fmt: skip
def test_options_that_mean_nothing_are_errors(options):
    with pytest.raises(ValidationError):
        JsonOptions.model_validate(options)


@pytest.mark.parametrize(
    "payloads",
    [
        (b'{"a":1},{"a":2}', b""),
        (b'{"a":[{"b":1}', b'{"b":2}]}', b'{"a":1},{"a":2}'),
        (b"[1", b"2]", b"3,4,5"),
        (b'{"a":"', b'"}', b'{"a":1},{"a":2}'),
        (b'{"a":"x', b'y"}', b"1,2,3"),
        (b'"a\\', b'"', b"1"),
        (b"1", b"", b"2,3"),
        (b"1],[2", b"3"),
        (b"1 ", b" 2\n", b"\t3"),
    ],
)
def test_payloads_cannot_make_up_for_each_others_faults(same_alone_and_together, payloads):
    same_alone_and_together("json", {}, payloads)


def test_a_sender_who_knew_the_number_between_payloads_would_be_needed_to_cheat(monkeypatch, decode_all):
    """Shows that the check in json_values rests on that number alone, so that it must stay random."""
    monkeypatch.setattr(json_values, "_BETWEEN", 7)
    monkeypatch.setattr(json_values, "_SEPARATOR", b",7,")
    payloads = [b'{"a":[1', b"2]}", b'{"b":1},7,{"b":2}']
    assert not hasattr(decode_all("json", {}, payloads)[0], "reason")
    monkeypatch.undo()
    assert {found.reason for found in decode_all("json", {}, payloads)} == {Reason.INVALID_SYNTAX}


def test_shapes_are_interned_across_batches():
    decoder = JsonDecoder(JsonOptions.model_validate({}))
    now = np.zeros(2, np.int64)
    for pair in ([b'{"a":1}', b'{"a":2.5}'], [b'{"a":"x"}', b'{"a":"y"}'], [b'{"a":{"b":1}}', b'{"a":{"b":2.5}}']):
        first, second = decoder.decode(pair, now), decoder.decode(pair, now)
        assert len({*first.shapes, *second.shapes}) == 1


def test_endless_new_names_do_not_grow_the_caches_without_bound(monkeypatch):
    monkeypatch.setattr(caches, "MAX_CACHE_BYTES", 100_000)
    monkeypatch.setattr(caches.BoundedCache.__init__, "__defaults__", (100_000,))
    decoder = JsonDecoder(JsonOptions.model_validate({}))
    for number in range(0, 5_000, 2):
        payloads = [b'{"m%d":1}' % number, b'{"m%d":{"x":1}}' % number, b'{"same":1}']
        decoded = decoder.decode(payloads, np.zeros(3, np.int64))
        names = [field.metric for shape in decoded.shapes for field in shape.fields]
        assert names == [f"m{number}", f"m{number}.x", "same"]
    caches_of = (decoder._forms, decoder._plans._found, decoder._plans._shapes._cache)
    assert all(len(cache) < 1_000 for cache in caches_of)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5), st.just("2024-01-01T00:00:00Z"), st.integers(1_600_000_000, 1_800_000_000),
)  # fmt: skip
NAMES = st.sampled_from(["a", "b", "ts", "id", "r", "v", "m", "a.b", ""])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=8,
)
PAYLOADS = st.one_of(
    st.dictionaries(NAMES, SCALARS, max_size=4).map(lambda value: json.dumps(value).encode()),
    st.dictionaries(NAMES, st.integers(0, 9), min_size=1, max_size=3).map(lambda value: json.dumps(value).encode()),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=20),
    st.text(alphabet='{}[]",:1a.\\ ', max_size=12).map(str.encode),
)
OPTIONS: list[dict[str, Any]] = [
    {**time, **device, **rest}
    for time, device, rest in product(
        ({}, {"time": {"field": "ts"}}, {"time": {"field": "a.ts", "missing": "receive_time"}}),
        ({}, {"device": {"field": "id"}}),
        ({}, {"records": "r"}, {"value": {"field": "v"}, "metric": {"field": "m"}}, {"text": False, "max_depth": 2},
         {"fields": {"a": {"kind": "number", "scale": 2}, "a.b": None}, "other_fields": "keep", "max_readings": 3}),
    )
]  # fmt: skip


@given(st.sampled_from(OPTIONS), st.lists(PAYLOADS, max_size=6))
def test_a_batch_gives_what_its_payloads_give_one_by_one(same_alone_and_together, options, payloads):
    same_alone_and_together("json", options, payloads)


LOOKALIKES = st.recursive(
    st.sampled_from([1, "s", None]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xy"), inner, max_size=2),
    max_leaves=4,
)


@given(st.lists(LOOKALIKES.map(lambda value: json.dumps({"a": value, "b": 1}).encode()), min_size=2, max_size=12))
def test_records_that_look_alike_are_told_apart(same_alone_and_together, payloads):
    same_alone_and_together("json", {}, payloads)


@pytest.mark.parametrize(
    "twins",
    [
        ({"x": {}, "y": {"a": 1}}, {"x": {"a": 1}, "y": {}}),
        ({"x": [], "y": [1]}, {"x": [1], "y": []}),
        ({"x": {}, "y": [1]}, {"x": [1], "y": {}}),
        ({"x": {"a": {}}, "y": {"b": 1}}, {"x": {"a": {"b": 1}}, "y": {}}),
        ([1, [2]], {"0": 1, "1": {"0": 2}}),
    ],
)
def test_empty_objects_and_arrays_do_not_blur_whose_values_are_whose(same_alone_and_together, twins):
    payloads = [json.dumps(value).encode() for value in twins]
    same_alone_and_together("json", {}, payloads)
    same_alone_and_together("json", {}, payloads[::-1])


def test_batches_longer_than_one_array_keep_their_order(decode_all):
    count = 2 * json_values.PAYLOADS_PER_ARRAY + 3
    bad = json_values.PAYLOADS_PER_ARRAY + 1
    payloads = [b'{"a":%d,"s":"%d"}' % (number, number) for number in range(count)]
    payloads[bad] = b"{"
    found = decode_all("json", {}, payloads)
    assert found[bad].reason == Reason.INVALID_SYNTAX
    for number, message in enumerate(found):
        if number != bad:
            assert [reading.value for reading in message] == [float(number), str(number)]
