"""Stored packets are read back as they were sent, or rejected; stubs are read as far as they go."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sens.domain.errors import Reject
from sens.domain.reasons import Reason
from sens.mqtt.columns import Publish, PublishColumns, columns, truncated, walk
from sens.mqtt.errors import DamagedPackets
from unit.mqtt.oracle import Paho, user_properties
from unit.mqtt.streams import MESSAGE, Message

VERSIONS = st.sampled_from([4, 5])


@given(st.lists(MESSAGE, max_size=12), VERSIONS)
def test_columns_hold_what_was_sent_in_order(messages: list[Message], version: int) -> None:
    packets = [m.packet(version) for m in messages]
    assert columns(b"".join(packets), version) == PublishColumns(
        [m.topic for m in messages], [m.payload for m in messages], [packet[0] for packet in packets]
    )


@given(st.lists(MESSAGE, max_size=12), VERSIONS)
def test_a_walk_tells_everything_of_each_packet(messages: list[Message], version: int) -> None:
    packets = [m.packet(version) for m in messages]
    at, expected = 0, list[Publish]()
    for m, packet in zip(messages, packets, strict=True):
        packet_id = m.packet_id if m.qos else None
        end = at + len(packet)
        expected.append(Publish(at, end, m.qos, m.dup, m.retain, packet_id, m.topic, m.payload))
        at = end
    assert list(walk(b"".join(packets), version)) == expected


@given(st.lists(MESSAGE, min_size=1, max_size=4), VERSIONS, st.data())
def test_cut_packets_are_rejected(messages: list[Message], version: int, data: st.DataObject) -> None:
    packets = [m.packet(version) for m in messages]
    start = len(b"".join(packets[:-1]))
    cut = b"".join(packets)[: data.draw(st.integers(start + 1, start + len(packets[-1]) - 1))]
    with pytest.raises(DamagedPackets):
        columns(cut, version)
    with pytest.raises(DamagedPackets):
        list(walk(cut, version))


@given(
    st.one_of(
        st.binary(max_size=60), st.lists(st.sampled_from([0x30, 0x32, 0x80, 0, 1, 2, 3, 9]), max_size=30).map(bytes)
    ),
    VERSIONS,
)
def test_arbitrary_bytes_are_read_whole_or_rejected(data: bytes, version: int) -> None:
    found = None
    with suppress(DamagedPackets):
        found = columns(data, version)
    if found is None:
        with pytest.raises(Reject) as rejected:
            list(walk(data, version))
        assert rejected.value.reason is Reason.INVALID_ENVELOPE
    else:
        assert len(found.topics) == len(found.payloads) == len(found.first_bytes)
        assert sum(map(len, found.topics)) + sum(map(len, found.payloads)) + 4 * len(found.topics) <= len(data)


@given(MESSAGE, VERSIONS, st.integers(0, 30_000))
def test_a_stub_gives_as_much_of_topic_and_payload_as_was_kept(m: Message, version: int, kept: int) -> None:
    packet = m.packet(version)
    topic, payload = truncated(packet[:kept], version)
    assert m.topic.startswith(topic)
    assert m.payload.startswith(payload)
    if kept >= len(packet):
        assert (topic, payload) == (m.topic, m.payload)
    if payload:
        assert (topic, len(payload)) == (m.topic, len(m.payload) - (len(packet) - min(kept, len(packet))))


@given(st.binary(max_size=40), VERSIONS)
def test_a_damaged_stub_never_raises(data: bytes, version: int) -> None:
    topic, payload = truncated(data, version)
    assert len(topic) + len(payload) <= len(data)


def test_long_properties_are_skipped() -> None:
    packet = Paho(5).publish_packet(b"a/b", b"x", 1, 3, properties=user_properties(("k", "v" * 40_000)))
    assert columns(packet * 3, 5) == PublishColumns([b"a/b"] * 3, [b"x"] * 3, [0x32] * 3)
    assert truncated(packet, 5) == (b"a/b", b"x")
    assert truncated(packet[:1000], 5) == (b"a/b", b"")


def test_no_packets_are_no_messages() -> None:
    assert columns(b"", 4) == PublishColumns([], [], [])
    assert list(walk(b"", 5)) == []
    assert truncated(b"", 4) == (b"", b"")
