"""What a payload costs: in proportion to its length, whatever a sender writes into it."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sens.decoders.registry import DECODERS

SHORT_BYTES, TIMES_LONGER = 3_000, 32
MOST_TIMES_DEARER = 4 * TIMES_LONGER  # the square would be 1,024
NOTHING_S = 0.000_2  # below this the clock and the call are measured, not the payload

Make = Callable[[int], bytes]


def _integer(size_bytes: int) -> bytes:
    """CBOR: a big integer."""
    return b"\xc2\x5a" + size_bytes.to_bytes(4, "big") + b"\xff" * size_bytes


def _items(item: bytes, size_bytes: int) -> bytes:
    return b",".join([item] * (size_bytes // (len(item) + 1)))


NASTY: dict[str, tuple[str, dict[str, Any], Make]] = {
    "plain: digits and a letter": ("plain", {}, lambda n: b"9" * n + b"x"),
    "plain: digits": ("plain", {}, lambda n: b"9" * n + b"e-%d" % n),
    "plain: a fraction between two floats": ("plain", {}, lambda n: b"1.00000000000000011102230246251565" + b"0" * n),
    "plain: digits and an underscore": ("plain", {"kind": "number"}, lambda n: b"." + b"0" * n + b"_"),
    "plain: white space": ("plain", {}, lambda n: b" " * n + b"x"),
    "json: digits and a letter": ("json", {"fields": {"a": {"kind": "number"}}}, lambda n: b'{"a":"%sx"}' % (b"9" * n)),
    "json: digits": ("json", {}, lambda n: b'{"a":%s}' % (b"9" * n)),
    "json: a time of digits": ("json", {"time": {"field": "t"}}, lambda n: b'{"a":1,"t":"%s"}' % (b"9" * n)),
    "json: a long name of many items": ("json", {}, lambda n: b'{"%s":[%s]}' % (b"a" * (n // 2), _items(b"1", n // 2))),
    "json: a long metric of many items": (
        "json",
        {"metric": {"field": "m"}, "value": {"field": "v"}},
        lambda n: b'{"m":"%s","v":[%s]}' % (b"a" * (n // 2), _items(b"1", n // 2)),
    ),
    "json: a long device of many records": (
        "json",
        {"device": {"field": "d"}, "records": "r"},
        lambda n: b'{"d":"%s","r":[%s]}' % (b"a" * (n // 2), _items(b'{"v":1}', n // 2)),
    ),
    "json: brackets": ("json", {}, lambda n: b"[" * n),
    "json: one name again and again": ("json", {}, lambda n: b"{%s}" % _items(b'"a":1', n)),
    "influx: digits of an integer": ("influx", {}, lambda n: b"a v=" + b"9" * n + b"i"),
    "influx: digits": ("influx", {}, lambda n: b"a v=" + b"9" * n),
    "influx: a long measurement of many fields": (
        "influx",
        {},
        lambda n: b"a" * (n // 2) + b" " + _items(b"v=1", n // 2),
    ),
    "influx: lines": ("influx", {}, lambda n: b"a v=1\n" * (n // 6)),
    "influx: spaces": ("influx", {}, lambda n: b"a v=1" + b" " * n + b"x"),
    "influx: comments": ("influx", {}, lambda n: b" #\n" * (n // 3) + b"a"),
    "influx: backslashes": ("influx", {}, lambda n: b"a" + b"\\" * n),
    "influx: an open quote": ("influx", {}, lambda n: b'a v="' + b'\\"' * (n // 2)),
    "influx: tags": ("influx", {}, lambda n: b"a" + b",a=a" * (n // 4)),
    "senml: a long base name of many records": (
        "senml",
        {},
        lambda n: b'[{"bn":"%s-"},%s]' % (b"a" * (n // 2), _items(b'{"v":1}', n // 2)),
    ),
    "senml: a long base name before many names": (
        "senml",
        {"device": "topic"},
        lambda n: b'[{"bn":"%s-"},%s]' % (b"a" * (n // 2), _items(b'{"n":"x","v":1}', n // 2)),
    ),
    "senml: a long base unit of many sums": (
        "senml",
        {},
        lambda n: b'[{"bu":"%s"},%s]' % (b"a" * (n // 2), _items(b'{"n":"x","s":1}', n // 2)),
    ),
    "senml: digits": ("senml", {}, lambda n: b'[{"n":"a","v":%s}]' % (b"9" * n)),
    "senml: a big integer": ("senml", {}, lambda n: b"\x81\xa2\x00\x61a\x02" + _integer(n)),
    "senml: a big decimal fraction": ("senml", {}, lambda n: b"\x81\xa2\x00\x61a\x02\xc4\x82\x01" + _integer(n)),
    "senml: a big decimal exponent": ("senml", {}, lambda n: b"\x81\xa2\x00\x61a\x02\xc4\x82" + _integer(n) + b"\x01"),
}


def _cost_s(decoder: str, options: dict[str, Any], payload: bytes) -> float:
    """CPU seconds of this thread, the least of three."""
    received_at = np.zeros(1, np.int64)
    costs = list[float]()
    for _ in range(3):
        fresh = DECODERS[decoder].build(DECODERS[decoder].options.model_validate(options))
        before = time.thread_time()
        fresh.decode([payload], received_at)
        costs.append(time.thread_time() - before)
    return min(costs)


@pytest.mark.parametrize("payload", NASTY)
def test_the_cost_of_a_payload_grows_no_faster_than_its_length(payload):
    decoder, options, make = NASTY[payload]
    short_s = _cost_s(decoder, options, make(SHORT_BYTES))
    long_s = _cost_s(decoder, options, make(SHORT_BYTES * TIMES_LONGER))
    assert long_s < MOST_TIMES_DEARER * max(short_s, NOTHING_S)


def test_every_decoder_is_tried():
    assert {decoder for decoder, _, _ in NASTY.values()} == set(DECODERS)
