"""Whatever an envelope's header says, it is stored or quarantined, and those behind it are stored."""

from dataclasses import replace
from typing import Any

import pytest

from envelopes import envelope, publish
from sens.domain.envelope import MAX_TOTAL, pack, unpack
from telemetry import House, write


@pytest.mark.parametrize(
    "change",
    [{"received_at": 2**62}, {"received_at": -(2**62)}, {"total": 2**63}, {"session": "a\0"}, {"source": "\0"}],
)
def test_an_envelope_that_the_database_cannot_hold_is_quarantined(house: House, change: dict[str, Any]) -> None:
    good = envelope(publish("s/alice/t", b'{"t": 1}'))
    bad = replace(good, sequence=good.sequence + 1, data=pack(replace(unpack(good.data), id=bytes(16), **change)))
    write(house.worker(), bad, good)
    assert house.readings() == [("alice", 1.0)]
    assert house.quarantine() == [(0, "invalid_envelope", 0)]


def test_an_envelope_with_the_highest_total_is_stored(house: House) -> None:
    good = envelope(publish("s/alice/t", b'{"t": 1}'))
    write(house.worker(), replace(good, data=pack(replace(unpack(good.data), total=MAX_TOTAL))))
    assert house.readings() == [("alice", 1.0)]


def test_an_envelope_under_a_subject_with_nul_is_quarantined(house: House) -> None:
    good = envelope(publish("s/alice/t", b'{"t": 1}'))
    write(house.worker(), replace(good, subject="sens.raw.a\0.x", data=b"x"), good)
    assert house.readings() == [("alice", 1.0)]
    assert house.quarantine() == [(0, "invalid_envelope", 0)]
