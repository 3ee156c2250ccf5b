"""Reading what JetStream writes into reply subjects and headers."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sens.stream.consumer import _delivery
from sens.stream.link import Message
from sens.stream.streamlog import _operation, microseconds


@pytest.mark.parametrize(
    "reply",
    [
        "$JS.ACK.SENS_RAW.telemetry.2.17.18.1700000000123456789.4",
        "$JS.ACK.hub.ACCOUNTHASH.SENS_RAW.telemetry.2.17.18.1700000000123456789.4",
        "$JS.ACK.hub.ACCOUNTHASH.SENS_RAW.telemetry.2.17.18.1700000000123456789.4.random",
    ],
)
def test_a_delivery_knows_its_place_with_and_without_a_domain(reply: str):
    message = Message(_client=None, subject="sens.raw.a.b", reply=reply, data=b"data")  # pyright: ignore[reportArgumentType] - not sent
    delivery = _delivery(message)
    assert delivery == (17, "sens.raw.a.b", b"data", 2, 1_700_000_000_123_456, reply)


def test_the_kv_operation_is_found_among_headers():
    assert _operation(b"NATS/1.0\r\nA: b\r\nKV-Operation: DEL\r\n\r\n") == "DEL"
    assert _operation(b"") == ""


@given(st.binary())
def test_arbitrary_headers_are_read_without_an_error(raw: bytes):
    assert isinstance(_operation(raw.replace(b"KV-Operation", b"")), str)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_times_are_exact_to_the_microsecond(moment: datetime):
    whole = int(moment.replace(microsecond=0).timestamp()) * 1_000_000
    assert microseconds(moment) == whole + moment.microsecond
