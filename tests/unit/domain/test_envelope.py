"""An envelope comes back as it was packed, and bytes that are none are refused, whatever they are."""

import struct
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sens.domain.columns import NEWEST_TIME, OLDEST_TIME
from sens.domain.envelope import (
    MAX_HEADER_BYTES,
    MAX_TOTAL,
    SHARED_STEP_US,
    Envelope,
    EnvelopeKind,
    InvalidEnvelope,
    Stub,
    first_time,
    pack,
    source_and_session,
    stub_body,
    subject,
    unpack,
)
from sens.domain.errors import Reject
from sens.domain.reasons import Reason

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=63).filter(
    lambda name: len(name.encode()) <= 255
)
counts = st.integers(0, 2**64 - 1)

raw_envelopes = st.builds(
    Envelope,
    id=st.binary(min_size=16, max_size=16),
    epoch=st.binary(min_size=8, max_size=8),
    kind=st.just(EnvelopeKind.RAW),
    mqtt_version=st.sampled_from([4, 5]),
    source=names,
    session=names,
    received_at=st.integers(OLDEST_TIME, NEWEST_TIME - 255 * 2**32),
    messages=st.integers(0, 2**32 - 1),
    total=st.integers(0, MAX_TOTAL),
    settled=counts,
    previous=counts,
    body=st.binary(max_size=200),
    step_us=st.integers(1, 255),
)
stub_envelopes = st.builds(
    lambda envelope, stub: replace(envelope, kind=EnvelopeKind.STUB, messages=1, body=stub_body(stub)),
    raw_envelopes,
    st.builds(
        Stub,
        st.integers(0, 2**32 - 1),
        st.one_of(st.none(), st.integers(1, 65_535)),
        st.binary(min_size=1, max_size=100),
    ),
)
envelopes = st.one_of(raw_envelopes, stub_envelopes)

EXAMPLE = Envelope(bytes(16), bytes(8), EnvelopeKind.RAW, 5, "plant-a", "exclusive", 1_000, 3, 7, 4, 12, b"abc")


@given(envelopes)
def test_an_envelope_comes_back_as_it_was_packed(envelope: Envelope) -> None:
    data = pack(envelope)
    assert unpack(data) == envelope
    assert len(data) - len(envelope.body) <= MAX_HEADER_BYTES


@given(st.binary(max_size=300))
def test_bytes_that_are_no_envelope_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidEnvelope):
        unpack(data)


@given(envelope=envelopes, at=st.integers(0, 80), byte=st.integers(0, 255))
def test_a_damaged_header_gives_an_envelope_that_packs_again_or_is_refused(
    envelope: Envelope, at: int, byte: int
) -> None:
    data = bytearray(pack(envelope))
    data[min(at, len(data) - 1)] = byte
    try:
        read = unpack(bytes(data))
    except InvalidEnvelope as error:
        refused = error
    else:
        assert unpack(pack(read)) == read
        return
    assert refused.reason == Reason.INVALID_ENVELOPE


@given(envelope=stub_envelopes, cut=st.integers(1, 400))
def test_a_cut_stub_header_is_refused(envelope: Envelope, cut: int) -> None:
    data = pack(envelope)
    header = len(data) - len(envelope.body) + 4
    with pytest.raises(InvalidEnvelope):
        unpack(data[: max(0, header - cut)])


def test_an_envelope_of_a_newer_format_says_to_update() -> None:
    data = bytearray(pack(EXAMPLE))
    data[4] = 2
    with pytest.raises(InvalidEnvelope, match="format version 2; this build reads 1: update it") as raised:
        unpack(bytes(data))
    assert isinstance(raised.value, Reject)


@pytest.mark.parametrize(("offset", "value"), [(0, 0), (5, 2), (6, 3), (6, 6), (7, 0)])
def test_an_unknown_magic_kind_or_mqtt_version_or_no_step_is_refused(offset: int, value: int) -> None:
    data = bytearray(pack(EXAMPLE))
    data[offset] = value
    with pytest.raises(InvalidEnvelope):
        unpack(bytes(data))


def test_names_that_are_not_utf_8_are_refused() -> None:
    data = pack(EXAMPLE).replace(b"plant-a", b"plant-\xff")
    with pytest.raises(InvalidEnvelope, match="not UTF-8"):
        unpack(data)


@pytest.mark.parametrize(
    "change",
    [
        {"received_at": OLDEST_TIME - 1},
        {"received_at": NEWEST_TIME},
        {"received_at": NEWEST_TIME - 3, "step_us": 16},
        {"received_at": 2**62},
        {"total": MAX_TOTAL + 1},
        {"source": "plant\0"},
        {"session": "\0"},
    ],
)
def test_a_header_that_the_database_cannot_hold_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidEnvelope):
        unpack(pack(replace(EXAMPLE, **change)))


def test_the_header_is_little_endian_and_stays_where_it_is() -> None:
    # Envelopes outlive builds: this layout may only change with the format version.
    assert pack(EXAMPLE) == (
        b"SENS\x01\x00\x05\x01" + bytes(16) + bytes(8)
        + struct.pack("<qIQQQBB", 1_000, 3, 7, 4, 12, 7, 9) + b"plant-a" + b"exclusive" + b"abc"
    )  # fmt: skip


@pytest.mark.parametrize("packet_id", [None, 1, 65_535])
def test_a_stub_bears_the_whole_length_the_packet_id_and_the_first_bytes(packet_id: int | None) -> None:
    kept = Stub(1_000_000, packet_id, b"first")
    stub = replace(EXAMPLE, kind=EnvelopeKind.STUB, messages=1, body=stub_body(kept))
    assert unpack(pack(stub)).stub() == kept


def test_a_stub_without_a_first_byte_is_none() -> None:
    stub = replace(EXAMPLE, kind=EnvelopeKind.STUB, messages=1, body=stub_body(Stub(1_000_000, 1, b"")))
    with pytest.raises(InvalidEnvelope, match="damaged stub"):
        unpack(pack(stub))


@given(envelope=raw_envelopes)
def test_later_messages_are_received_later_also_after_an_empty_envelope(envelope: Envelope) -> None:
    last = envelope.received_at + max(envelope.messages - 1, 0) * envelope.step_us
    assert envelope.next_received_at > last


@given(
    earliest=st.integers(0, 2**62),
    ordinals=st.lists(st.integers(0, SHARED_STEP_US - 1), min_size=2, max_size=2, unique=True),
    steps=st.lists(st.integers(0, 100), min_size=2, max_size=2),
)
def test_two_members_never_write_the_same_time(earliest: int, ordinals: list[int], steps: list[int]) -> None:
    first, second = (
        first_time(earliest, SHARED_STEP_US, ordinal) + step * SHARED_STEP_US
        for ordinal, step in zip(ordinals, steps, strict=True)
    )
    assert first != second
    assert earliest <= first_time(earliest, SHARED_STEP_US, ordinals[0]) < earliest + SHARED_STEP_US


def test_alone_every_time_is_free() -> None:
    assert first_time(1_000_003, 1, 0) == 1_000_003


def test_source_and_session_make_the_subject() -> None:
    assert subject("plant-a", "shared-2") == "sens.raw.plant-a.shared-2"


@pytest.mark.parametrize(
    ("subject", "owner"),
    [
        ("sens.raw.plant-a.w0", ("plant-a", "w0")),
        ("sens.raw.plant-a.w0.more", ("plant-a", "w0.more")),
        ("sens.raw.plant-a", None),
        ("sens.raw", None),
        ("other.raw.plant-a.w0", None),
    ],
)
def test_a_subject_that_is_of_no_session_belongs_to_nobody(subject: str, owner: tuple[str, str] | None):
    assert source_and_session(subject) == owner
