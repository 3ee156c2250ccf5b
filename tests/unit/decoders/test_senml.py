"""The `senml` decoder: the examples of RFC 8428 and what is refused."""

import json
from decimal import Decimal
from typing import Any

import cbor2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sens.decoders.registry import DECODERS
from sens.domain.reasons import Reason

RECEIVED_AT = 1_700_000_000_000_000
DEVICE = "urn:dev:ow:10e2073a01080063"
LABELS = {"bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6, "n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4,
          "s": 5, "t": 6, "ut": 7, "vd": 8}  # fmt: skip


def to_cbor(pack: list[dict[str, Any]]) -> bytes:
    return cbor2.dumps([{LABELS[name]: value for name, value in record.items()} for record in pack])


EXAMPLES: list[tuple[str, list[dict[str, Any]], list[tuple[Any, ...]]]] = [
    ("5.1.1 single datapoint", [{"n": DEVICE, "u": "Cel", "v": 23.1}], [(None, DEVICE, "Cel", 23.1, None)]),
    (
        "5.1.2 multiple datapoints",
        [{"bn": f"{DEVICE}:", "n": "voltage", "u": "V", "v": 120.1}, {"n": "current", "u": "A", "v": 1.2}],
        [(DEVICE, "voltage", "V", 120.1, None), (DEVICE, "current", "A", 1.2, None)],
    ),
    (
        "5.1.2 with a base time and a base unit",
        [{"bn": f"{DEVICE}:", "bt": 1.276020076001e09, "bu": "A", "bver": 5, "n": "voltage", "u": "V", "v": 120.1},
         {"n": "current", "t": -5, "v": 1.2}, {"n": "current", "t": -4, "v": 1.3}, {"n": "current", "v": 1.7}],
        [(DEVICE, "voltage", "V", 120.1, 1_276_020_076_001_000), (DEVICE, "current", "A", 1.2, 1_276_020_071_001_000),
         (DEVICE, "current", "A", 1.3, 1_276_020_072_001_000), (DEVICE, "current", "A", 1.7, 1_276_020_076_001_000)],
    ),
    (
        "5.1.3 a name that is all base name",
        [{"bn": DEVICE, "bt": 1.320067464e09, "bu": "%RH", "v": 20}, {"u": "lon", "v": 24.30621}, {"t": 60, "v": 20.3}],
        [(DEVICE, "", "%RH", 20.0, 1_320_067_464_000_000), (DEVICE, "", "lon", 24.30621, 1_320_067_464_000_000),
         (DEVICE, "", "%RH", 20.3, 1_320_067_524_000_000)],
    ),
    (
        "5.1.5 multiple data types",
        [{"bn": f"{DEVICE}:", "n": "temp", "u": "Cel", "v": 23.1}, {"n": "label", "vs": "Machine Room"},
         {"n": "open", "vb": False}],
        [(DEVICE, "temp", "Cel", 23.1, None), (DEVICE, "label", "", "Machine Room", None),
         (DEVICE, "open", "", False, None)],
    ),
    (
        "5.1.6 a collection of resources",
        [{"bn": "2001:db8::2/", "bt": 1.320078429e09, "n": "temperature", "u": "Cel", "v": 25.2},
         {"n": "humidity", "u": "%RH", "v": 30}, {"bn": "2001:db8::1/", "n": "temperature", "u": "Cel", "v": 12.3}],
        [("2001:db8::2", "temperature", "Cel", 25.2, 1_320_078_429_000_000),
         ("2001:db8::2", "humidity", "%RH", 30.0, 1_320_078_429_000_000),
         ("2001:db8::1", "temperature", "Cel", 12.3, 1_320_078_429_000_000)],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("pack", "expected"), [row[1:] for row in EXAMPLES], ids=[row[0] for row in EXAMPLES])
@pytest.mark.parametrize("encode", [lambda pack: json.dumps(pack).encode(), to_cbor], ids=["json", "cbor"])
def test_the_examples_of_the_rfc(readings, encode, pack, expected):
    assert readings("senml", {}, encode(pack)) == expected


def test_the_cbor_bytes_of_the_rfc(readings):
    """The first two records of the example in section 6."""
    payload = bytes.fromhex(
        "82a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120050067766f6c7461"
        "67650161560"
        "2fb405e066666666666"
        "a3006763757272656e74062402fb3ff3333333333333"
    )
    assert readings("senml", {}, payload) == [
        ("urn:dev:ow:10e2073a0108006", "voltage", "V", 120.1, 1_276_020_076_001_000),
        ("urn:dev:ow:10e2073a0108006", "current", "A", 1.2, 1_276_020_071_001_000),
    ]


@pytest.mark.parametrize(
    ("pack", "expected"),
    [
        ([{"n": "a", "v": 1}], [("a", "", 1.0, None)]),
        ([{"n": "a", "v": 1, "t": 0}], [("a", "", 1.0, None)]),
        ([{"n": "a", "v": 1, "t": -2.5}], [("a", "", 1.0, RECEIVED_AT - 2_500_000)]),
        ([{"n": "a", "v": 1, "t": 5}], [("a", "", 1.0, RECEIVED_AT + 5_000_000)]),
        ([{"n": "a", "v": 1, "t": 2**28 - 1}], [("a", "", 1.0, RECEIVED_AT + (2**28 - 1) * 1_000_000)]),
        ([{"n": "a", "v": 1, "t": 2**28}], [("a", "", 1.0, 2**28 * 1_000_000)]),
        ([{"bt": 1.5e9}, {"n": "a", "v": 1, "t": -10}], [("a", "", 1.0, 1_499_999_990_000_000)]),
        ([{"bv": 20, "n": "a", "v": 1.5}, {"n": "b", "v": 2}], [("a", "", 21.5, None), ("b", "", 22.0, None)]),
        ([{"bv": 20}, {"n": "a"}], [("a", "", 20.0, None)]),
        ([{"bv": 20}, {"n": "a", "vs": "x"}], [("a", "", "x", None)]),
        ([{"n": "a", "u": "W", "s": 5}], [("a.sum", "W.s", 5.0, None)]),
        ([{"n": "a", "v": 1, "s": 5}], [("a", "", 1.0, None), ("a.sum", "s", 5.0, None)]),
        (
            [{"bs": 100, "n": "a", "s": 5}, {"n": "b", "s": 6}],
            [("a.sum", "s", 105.0, None), ("b.sum", "s", 106.0, None)],
        ),
        ([{"bs": 100}, {"n": "a", "v": 1}], [("a", "", 1.0, None), ("a.sum", "s", 100.0, None)]),
        ([{"s": 5}], [("sum", "s", 5.0, None)]),
        ([{"bu": "m", "n": "a", "v": 1}, {"n": "b", "u": "", "v": 2}], [("a", "m", 1.0, None), ("b", "", 2.0, None)]),
        ([{"n": "a", "v": 1, "ut": 5, "unknown": {}}], [("a", "", 1.0, None)]),
    ],
)
def test_base_fields_sums_and_times_are_resolved(readings, pack, expected):
    assert [row[1:] for row in readings("senml", {}, json.dumps(pack).encode())] == expected


def test_data_values_become_base64url_texts_in_both_formats(readings):
    data = [(None, "a", "", "_-8", None)]
    assert readings("senml", {}, b'[{"n":"a","vd":"_-8"}]') == data
    assert readings("senml", {}, to_cbor([{"n": "a", "vd": b"\xff\xef"}])) == data


def test_cbor_decimal_fractions_and_big_integers_are_numbers(readings):
    payload = to_cbor([{"n": "a", "v": Decimal("23.25")}, {"n": "b", "v": 2**70}])
    assert [row[3] for row in readings("senml", {}, payload)] == [23.25, 2.0**70]


def test_cbor_may_say_that_it_is_cbor(readings):
    payload = b"\xd9\xd9\xf7" + to_cbor([{"n": "a", "v": 1}])
    assert readings("senml", {}, payload) == [(None, "a", "", 1.0, None)]


def test_integers_and_fractions_are_of_one_shape():
    decoder_type = DECODERS["senml"]
    decoder = decoder_type.build(decoder_type.options.model_validate({}))
    payloads = [b'[{"n":"a","v":20}]', b'[{"n":"a","v":20.5}]']
    assert len(set(decoder.decode(payloads, np.zeros(2, np.int64)).shapes)) == 1


def test_the_device_can_be_left_to_the_topic(readings):
    payload = b'[{"bn":"room/","n":"t","v":1},{"bn":"","n":"u","v":2}]'
    assert [row[:2] for row in readings("senml", {"device": "topic"}, payload)] == [(None, "room/t"), (None, "u")]
    assert [row[:2] for row in readings("senml", {}, payload)] == [("room", "t"), (None, "u")]


@pytest.mark.parametrize(
    ("options", "payload", "reason", "place"),
    [
        ({}, b"", Reason.EMPTY_PAYLOAD, ""),
        ({}, b"[", Reason.INVALID_SYNTAX, ""),
        ({"format": "json"}, to_cbor([{"n": "a", "v": 1}]), Reason.INVALID_SYNTAX, ""),
        ({"format": "cbor"}, b'[{"n":"a","v":1}]', Reason.INVALID_SYNTAX, "CBOR"),
        ({}, b"\x81", Reason.INVALID_SYNTAX, "CBOR"),
        ({}, to_cbor([{"n": "a", "v": 1}]) + b"\x01", Reason.INVALID_SYNTAX, "one item"),
        ({}, b"\x81" * 5000 + b"\x01", Reason.INVALID_SYNTAX, "depth"),
        ({}, b"[" * 5000, Reason.TOO_DEEP, ""),
        ({}, b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", Reason.INVALID_SYNTAX, "CBOR"),
        ({"format": "json"}, b"{}", Reason.INVALID_SHAPE, "an object"),
        ({}, b"{}", Reason.INVALID_SHAPE, "an object"),
        ({}, b"hello", Reason.INVALID_SYNTAX, "JSON"),
        ({}, b"[1]", Reason.INVALID_SHAPE, "record 0"),
        ({"format": "cbor"}, cbor2.dumps({0: 1}), Reason.INVALID_SHAPE, "an object"),
        ({}, b"[]", Reason.NO_READINGS, ""),
        ({}, b'[{"bn":"x"}]', Reason.NO_READINGS, ""),
        ({"text": False}, b'[{"n":"x","vs":"y"}]', Reason.NO_READINGS, ""),
        ({}, b'[{"n":"a","v":1},{"n":"b","v":"1"}]', Reason.INVALID_VALUE, "record 1, v"),
        ({}, b'[{"n":"a","v":true}]', Reason.INVALID_VALUE, "record 0, v"),
        ({}, b'[{"n":"a","vb":1}]', Reason.INVALID_VALUE, "record 0, vb"),
        ({}, b'[{"n":"a","vs":1}]', Reason.INVALID_VALUE, "record 0, vs"),
        ({}, b'[{"n":1,"v":1}]', Reason.INVALID_VALUE, "record 0, n"),
        ({}, b'[{"n":"a","v":1,"vs":"x"}]', Reason.INVALID_SHAPE, "v, vs"),
        ({}, b'[{"bver":11,"n":"a","v":1}]', Reason.INVALID_SHAPE, "11"),
        ({}, b'[{"n":"a","v":1,"x_":1}]', Reason.INVALID_SHAPE, "'x_'"),
        ({}, b'[{"n":"a","v":1,"t":1e300}]', Reason.INVALID_TIME, "record 0"),
        ({}, b'[{"n":"a","v":1e308,"bv":1e308}]', Reason.NOT_FINITE, "'a'"),
        ({}, to_cbor([{"n": "a", "v": float("nan")}]), Reason.NOT_FINITE, "'a'"),
        ({}, to_cbor([{"n": "a", "v": 1, "t": float("nan")}]), Reason.INVALID_TIME, "record 0"),
        ({}, to_cbor([{"n": "a", "v": 1 << 5000}]), Reason.NOT_FINITE, "'a'"),
        ({}, to_cbor([{"n": "a", "v": 1 << 5000}, {"bv": 0.5, "v": 1 << 5000}]), Reason.NOT_FINITE, ""),
        ({}, to_cbor([{"n": "a", "v": 1, "t": 1 << 5000}]), Reason.INVALID_TIME, "record 0"),
        ({}, bytes.fromhex("81a2006161 02c4821b00000000ffffffff01"), Reason.NOT_FINITE, "'a'"),
        ({}, bytes.fromhex("81a2006161 02c5821a00ffffff01"), Reason.INVALID_SYNTAX, "CBOR"),
        ({}, bytes.fromhex("81a2006161 03d823616f"), Reason.INVALID_SYNTAX, "CBOR"),
        ({"format": "cbor"}, b"\xd8\x1c\x81\xd8\x1d\x00", Reason.INVALID_SYNTAX, "CBOR"),
        ({}, b'[{"n":"a\\u0000","v":1}]', Reason.INVALID_NAME, "'a\\x00'"),
        ({}, b'[{"bn":" /","n":"a","v":1}]', Reason.INVALID_NAME, "' ' is empty"),
        ({}, b'[{"n":"a","u":"\\u007f","v":1}]', Reason.INVALID_NAME, "'\\x7f'"),
        ({}, b'[{"n":"a","vs":"\\u0000"}]', Reason.NUL_IN_TEXT, "'a'"),
        ({"max_name_chars": 3}, b'[{"bn":"abcd:","v":1}]', Reason.TOO_LONG, "'abcd:'"),
        ({"max_readings": 1}, b'[{"n":"a","v":1,"s":1}]', Reason.TOO_MANY_READINGS, "2"),
        ({"max_readings": 1}, b"[{},{}]", Reason.TOO_MANY_READINGS, "2 records"),
    ],
)
def test_a_pack_that_cannot_be_stored_is_rejected(rejection, options, payload, reason, place):
    found = rejection("senml", options, payload)
    assert found.reason == reason
    assert place in found.detail


NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats(), st.decimals(), st.booleans(), st.text(max_size=2))
FIELDS = st.sampled_from(sorted(LABELS))
PACKS = st.lists(st.dictionaries(FIELDS, NUMBERS, max_size=5), max_size=4)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.integers() | st.text() | st.booleans(), inner)


PAYLOADS = st.one_of(
    st.binary(max_size=30),
    st.binary(max_size=30).map(lambda tail: b"\x81\xa2" + tail),
    PACKS.map(to_cbor),
    PACKS.map(lambda pack: json.dumps(pack, default=str).encode()),
    st.recursive(st.none() | NUMBERS | st.binary(max_size=3), nested).map(cbor2.dumps),
)


@given(st.sampled_from([{}, {"device": "topic", "text": False}, {"format": "cbor"}]), st.lists(PAYLOADS, max_size=4))
def test_a_batch_gives_what_its_payloads_give_one_by_one(same_alone_and_together, options, payloads):
    same_alone_and_together("senml", options, payloads)
