"""Readings of imports: what is stored is what was said, and what cannot be is said with its place."""

import json
from typing import Any

import numpy as np
import pytest

from sens.decoders.imported import ImportDecoder
from sens.domain.columns import Decoded, Kind, Rejection
from sens.domain.reasons import Reason

TIME = 1_767_571_200_123_456
GOOD = {"source": "plant-a", "device": "boiler", "metric": "t", "unit": "Cel", "time": TIME, "value": 21.5}


def decode(*readings: Any) -> Decoded:
    payloads = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in readings]
    return ImportDecoder().decode(payloads, np.zeros(len(payloads), np.int64))


def rejection(**changed: Any) -> Rejection:
    return decode(GOOD | changed).rejections[0]


@pytest.mark.parametrize("value", [-0.0, 1e308, 5e-324, 0.1, 1.7976931348623157e308, -(2.0**53) - 2])
def test_a_number_is_kept_to_its_last_bit(value: float):
    decoded = decode(GOOD | {"value": value})
    assert decoded.values.tobytes() == np.array([value]).tobytes()


def test_the_value_or_the_kind_says_what_a_reading_is():
    values = [(1, None), (True, None), ("", None), (1, "boolean"), (0.0, "boolean"), (3, "number"), ("true", "text")]
    decoded = decode(*(GOOD | {"value": value} | ({"kind": kind} if kind else {}) for value, kind in values))
    kinds = [shape.fields[0].kind for shape in decoded.shapes]
    assert kinds == [Kind.NUMBER, Kind.BOOLEAN, Kind.TEXT, Kind.BOOLEAN, Kind.BOOLEAN, Kind.NUMBER, Kind.TEXT]
    assert decoded.texts == {2: "", 6: "true"}


def test_names_unit_and_time_are_kept():
    decoded = decode(GOOD, GOOD | {"time": "2026-01-05T01:00:00.123456+01:00"})
    assert [shape.fields[0][:3] for shape in decoded.shapes] == [("boiler", "t", "Cel")] * 2
    assert decoded.times is not None
    assert decoded.times.tolist() == [TIME, TIME]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"device": ""}, Reason.MISSING_FIELD),
        ({"metric": None}, Reason.INVALID_VALUE),
        ({"device": "a\0"}, Reason.INVALID_NAME),
        ({"time": None}, Reason.MISSING_FIELD),
        ({"time": "yesterday"}, Reason.INVALID_TIME),
        ({"time": 1e9}, Reason.INVALID_TIME),
        ({"value": None}, Reason.MISSING_FIELD),
        ({"value": "n/a", "kind": "number"}, Reason.INVALID_VALUE),
        ({"value": "NaN", "kind": "number"}, Reason.NOT_FINITE),
        ({"value": 2, "kind": "boolean"}, Reason.INVALID_VALUE),
        ({"value": 1, "kind": "texts"}, Reason.INVALID_VALUE),
        ({"value": "a\0b"}, Reason.NUL_IN_TEXT),
        ({"value": [1]}, Reason.INVALID_VALUE),
        ({"refused": {"reason": "invalid_time", "detail": "no such day"}}, Reason.INVALID_TIME),
        ({"refused": {"reason": "conflict", "detail": "not for others to say"}}, Reason.INVALID_SHAPE),
        ({"refused": 7}, Reason.INVALID_SHAPE),
    ],
)
def test_what_cannot_be_stored_is_rejected_with_its_reason(changed: dict[str, Any], reason: Reason):
    assert rejection(**changed).reason is reason


def test_a_bad_reading_leaves_those_beside_it():
    many = [GOOD] * 600 + [b'{"value": 1e999}', b"[1]", GOOD | {"time": "no"}] + [GOOD] * 600
    decoded = decode(*many)
    assert {at: each.reason for at, each in decoded.rejections.items()} == {
        600: Reason.NOT_FINITE,
        601: Reason.INVALID_SHAPE,
        602: Reason.INVALID_TIME,
    }
    assert len(decoded.values) == 1200
