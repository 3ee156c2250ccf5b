"""The `plain` decoder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sens.domain.reasons import Reason


@pytest.mark.parametrize(
    ("options", "payload", "expected"),
    [
        ({}, b"21.5", 21.5),
        ({}, b" -1e3\n", -1000.0),
        ({}, b"+.5", 0.5),
        ({}, b"5.", 5.0),
        ({}, b"1", 1.0),
        ({}, b"true", True),
        ({}, b"OFF", False),
        ({}, b"hello world ", "hello world"),
        ({}, "größe".encode(), "größe"),
        ({}, b"1_000", "1_000"),
        ({}, "٣".encode(), "٣"),
        ({"scale": 0.5, "offset": 1}, b"4", 3.0),
        ({"scale": 0.5, "kind": "number"}, b"4", 2.0),
        ({"kind": "boolean"}, b"1", True),
        ({"kind": "boolean"}, b"0", False),
        ({"kind": "boolean", "true_words": ["open"], "false_words": ["closed"]}, b"Open", True),
        ({"true_words": ["open"], "false_words": ["closed"]}, b"on", "on"),
        ({"kind": "text"}, b"21.5", "21.5"),
        ({"kind": "text"}, b"nan", "nan"),
    ],
)
def test_a_payload_is_one_reading_that_the_topic_names(readings, options, payload, expected):
    found = readings("plain", {"unit": "Cel", **options}, payload)
    assert found == [(None, "", "Cel", expected, None)]
    assert type(found[0][3]) is type(expected)


@pytest.mark.parametrize(
    ("options", "payload", "reason"),
    [
        ({}, b"", Reason.EMPTY_PAYLOAD),
        ({}, b" \t", Reason.EMPTY_PAYLOAD),
        ({}, b"\xff", Reason.INVALID_SYNTAX),
        ({}, b"nan", Reason.NOT_FINITE),
        ({}, b"-Infinity", Reason.NOT_FINITE),
        ({}, b"1e999", Reason.NOT_FINITE),
        ({"scale": 1e300}, b"1e300", Reason.NOT_FINITE),
        ({}, b"a\0b", Reason.NUL_IN_TEXT),
        ({"max_text_chars": 3}, b"abcd", Reason.TOO_LONG),
        ({"max_payload_bytes": 3}, b"1234", Reason.TOO_LONG),
        ({"kind": "number"}, b"warm", Reason.INVALID_VALUE),
        ({"kind": "number"}, b"1_000", Reason.INVALID_VALUE),
        ({"kind": "boolean"}, b"2", Reason.INVALID_VALUE),
    ],
)
def test_a_payload_that_is_no_such_value_is_rejected(rejection, options, payload, reason):
    assert rejection("plain", options, payload).reason == reason


PAYLOADS = st.one_of(
    st.binary(max_size=8),
    (st.floats() | st.integers()).map(lambda value: str(value).encode()),
    st.sampled_from([b"on", b"true", b"", b"1", b"1_0", b"nan", b"1e999", b" 5\x1c", b"\x0b6", b"x" * 30]),
)


@given(
    st.sampled_from([{}, {"kind": "number"}, {"kind": "boolean"}, {"kind": "text"}, {"scale": 1e10, "offset": 3}]),
    st.lists(PAYLOADS, max_size=5),
)
def test_a_batch_gives_what_its_payloads_give_one_by_one(same_alone_and_together, options, payloads):
    same_alone_and_together("plain", {"max_payload_bytes": 20, **options}, payloads)


def test_only_the_bad_message_of_a_long_batch_is_rejected(decode_all):
    payloads = [b"%d" % number for number in range(1500)]
    payloads[700] = b"\xff"
    found = decode_all("plain", {}, payloads)
    assert found[700].reason == Reason.INVALID_SYNTAX
    assert [message[0].value for at, message in enumerate(found) if at != 700] == [
        at for at in range(1500) if at != 700
    ]
