"""The scanner finds the same packets however the stream is cut, and nothing but its own errors come of bad bytes."""

import gc
import time
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sens.domain.errors import Retry
from sens.mqtt.columns import columns, walk
from sens.mqtt.errors import ConnectionLost, InvalidOptions, MalformedPacket, ProtocolViolation
from sens.mqtt.scanner import MAX_CONTROL_BYTES, Control, Oversize, Publishes, Releases, Scanner
from unit.mqtt.oracle import Paho, control, two_bytes, user_properties
from unit.mqtt.streams import MESSAGE, OTHER, PUBREL, Message, Seen, cut, scan

VERSIONS = st.sampled_from([4, 5])
PLACES = st.lists(st.integers(0, 100_000), max_size=12)


def scanner(
    version: int = 4, max_packet_bytes: int = 1 << 20, max_piece_bytes: int = 1 << 20, keep_bytes: int = 64
) -> Scanner:
    return Scanner(version, max_packet_bytes=max_packet_bytes, max_piece_bytes=max_piece_bytes, keep_bytes=keep_bytes)


def publish(topic: bytes = b"a/b", payload: bytes = b"x", qos: int = 1, packet_id: int = 1, version: int = 4) -> bytes:
    return Paho(version).publish_packet(topic, payload, qos, packet_id)


@given(st.lists(st.one_of(MESSAGE, MESSAGE, PUBREL, OTHER), max_size=20), PLACES, VERSIONS)
def test_a_stream_split_anywhere_gives_the_same_packets(
    items: list[Message | bytes], places: list[int], version: int
) -> None:
    encoded = [item.packet(version) if isinstance(item, Message) else item for item in items]
    messages = [item for item in items if isinstance(item, Message)]
    seen = scan(scanner(version), cut(b"".join(encoded), places))
    assert seen.publishes == b"".join(m.packet(version) for m in messages)
    assert seen.messages == len(messages)
    assert seen.qos1 == [m.packet_id for m in messages if m.qos == 1]
    assert seen.qos2 == [m.packet_id for m in messages if m.qos == 2]
    assert seen.redelivered == sum(m.dup and m.qos > 0 for m in messages)
    assert seen.released == [int.from_bytes(e[2:4], "big") for e in encoded if e[0] == 0x62]
    assert [bytes((c.first_byte, len(c.body))) + c.body for c in seen.controls] == [
        e for e in encoded if e[0] in (0xD0, 0x90, 0xB0)
    ]


@given(st.lists(MESSAGE, max_size=12), PLACES, VERSIONS, st.integers(1, 40_000))
def test_what_the_scanner_passes_can_be_read_back(
    messages: list[Message], places: list[int], version: int, max_piece_bytes: int
) -> None:
    stream = b"".join(m.packet(version) for m in messages)
    seen = scan(scanner(version, max_piece_bytes=max_piece_bytes), cut(stream, places))
    found = columns(seen.publishes, version)
    assert (found.topics, found.payloads) == ([m.topic for m in messages], [m.payload for m in messages])
    assert [
        (p.topic, p.payload, p.qos, p.dup, p.retain, p.packet_id or m.packet_id)
        for p, m in zip(walk(seen.publishes, version), messages, strict=True)
    ] == [(m.topic, m.payload, m.qos, m.dup, m.retain, m.packet_id) for m in messages]


@given(st.lists(MESSAGE, min_size=1, max_size=12), PLACES, VERSIONS, st.integers(1, 40_000))
def test_a_piece_is_never_larger_than_the_limit_or_one_packet(
    messages: list[Message], places: list[int], version: int, max_piece_bytes: int
) -> None:
    packets = [m.packet(version) for m in messages]
    seen = scan(scanner(version, max_piece_bytes=max_piece_bytes), cut(b"".join(packets), places))
    assert seen.publishes == b"".join(packets)
    assert seen.largest_piece <= max(max_piece_bytes, *(len(packet) for packet in packets))


@given(st.lists(MESSAGE, max_size=12), PLACES, VERSIONS, st.integers(1, 129), st.integers(0, 20_000))
def test_packets_over_the_limit_become_stubs_in_their_place(
    messages: list[Message], places: list[int], version: int, keep_bytes: int, more: int
) -> None:
    limit = 129 + more
    packets = [m.packet(version) for m in messages]
    one = scanner(version, max_packet_bytes=limit, keep_bytes=keep_bytes)
    seen = scan(one, cut(b"".join(packets), places))
    assert seen.publishes == b"".join(p for p in packets if len(p) <= limit)
    assert seen.oversize == [
        Oversize(packet[:keep_bytes], len(packet), m.qos, m.packet_id if m.qos else None)
        for m, packet in zip(messages, packets, strict=True)
        if len(packet) > limit
    ]
    order: list[str] = []
    for packet in packets:
        name = "Oversize" if len(packet) > limit else "Publishes"
        if name == "Oversize" or not order or order[-1] != name:
            order.append(name)
    assert seen.order == order


def outcome(version: int, chunks: list[bytes]) -> tuple[Seen, str]:
    seen, error = Seen(), ""
    try:
        scan(scanner(version, max_packet_bytes=400, max_piece_bytes=300, keep_bytes=10), chunks, seen)
    except (MalformedPacket, ProtocolViolation) as raised:
        error = str(raised)
    seen.largest_piece = 0  # the only thing that may depend on how the stream is cut
    return seen, error


@settings(max_examples=500)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=30),
            MESSAGE.filter(lambda m: len(m.payload) < 1000).map(lambda m: m.packet(4)),
            st.sampled_from([b"\x32", b"\x36", b"\x30\x02\x00\x00", b"\x62\x02\x00\x00", b"\x3d\x80\x80\x80\x80"]),
        ),
        max_size=8,
    ).map(b"".join),
    PLACES,
    VERSIONS,
)
@example(b"\x32\x80\x80\x80\x80\x01", [3], 4)
@example(b"\x32\x05\x00\x01a\x00", [1, 2, 3, 4, 5], 4)
def test_arbitrary_bytes_cut_anywhere_end_alike_and_raise_nothing_but_our_errors(
    stream: bytes, places: list[int], version: int
) -> None:
    whole, error = outcome(version, [stream])
    for chunks in (cut(stream, places), [stream[at : at + 1] for at in range(len(stream))]):
        assert outcome(version, chunks) == (whole, error)


BAD = {
    "QoS 3": (4, b"\x36\x08\x00\x01a\x00\x01xyz", MalformedPacket, "QoS 3"),
    "packet id 0": (4, b"\x32\x06\x00\x01a\x00\x00x", MalformedPacket, "packet id 0"),
    "topic too long": (4, b"\x30\x04\x00\x05ab", MalformedPacket, "topic is longer"),
    "topic over the packet id": (4, b"\x32\x04\x00\x01ab", MalformedPacket, "topic is longer"),
    "no topic": (4, b"\x30\x01\x00", MalformedPacket, "before its topic"),
    "no body": (4, b"\x30\x00", MalformedPacket, "before its topic"),
    "empty topic": (4, b"\x30\x03\x00\x00x", ProtocolViolation, "empty topic"),
    "topic alias": (5, b"\x30\x06\x00\x00\x03\x23\x00\x01", ProtocolViolation, "topic alias"),
    "properties too long": (5, b"\x30\x05\x00\x01a\x05x", MalformedPacket, "properties are longer"),
    "no properties": (5, b"\x30\x03\x00\x01a", MalformedPacket, "properties are longer"),
    "properties without end": (5, b"\x30\x04\x00\x01a\x80", MalformedPacket, "properties are longer"),
    "long length": (4, b"\x30\xff\xff\xff\xff\x01", MalformedPacket, "more than 4 bytes"),
    "reserved type": (4, b"\x00\x00", MalformedPacket, "is it an MQTT broker"),
    "HTTP": (4, b"HTTP/1.1 400 Bad Request\r\n", ProtocolViolation, "is it an MQTT broker"),
    "wrong flags": (4, b"\x60\x02\x00\x01", MalformedPacket, "PUBREL with wrong flags"),
    "PUBREL id 0": (4, b"\x62\x02\x00\x00", MalformedPacket, "packet id 0"),
    "SUBSCRIBE": (4, b"\x82\x00", ProtocolViolation, "a SUBSCRIBE, which it may not send"),
    "CONNECT": (5, b"\x10\x00", ProtocolViolation, "a CONNECT"),
    "PUBACK": (5, b"\x40\x02\x00\x01", ProtocolViolation, "a PUBACK"),
    "DISCONNECT in 3.1.1": (4, b"\xe0\x00", ProtocolViolation, "a DISCONNECT"),
    "AUTH": (5, b"\xf0\x00", ProtocolViolation, "an? AUTH"),
    "endless control packet": (4, b"\x90\xff\xff\xff\x7f", MalformedPacket, "control packet of"),
}


@pytest.mark.parametrize(("version", "bad", "kind", "text"), BAD.values(), ids=BAD.keys())
def test_a_bad_packet_is_named_after_all_that_came_before_it(
    version: int, bad: bytes, kind: type[ConnectionLost], text: str
) -> None:
    good = publish(version=version) + publish(qos=2, packet_id=9, version=version)
    for chunks in ([good + bad], [good, bad], [bytes((byte,)) for byte in good + bad]):
        seen = Seen()
        with pytest.raises(kind, match=text) as raised:
            scan(scanner(version), chunks, seen)
        assert isinstance(raised.value, Retry)
        assert (seen.publishes, seen.qos1, seen.qos2) == (good, [1], [9])


@pytest.mark.parametrize(("version", "name"), [(4, "QoS 3"), (4, "packet id 0"), (4, "empty topic")])
def test_a_bad_packet_over_the_size_limit_is_named_too(version: int, name: str) -> None:
    _, bad, kind, text = BAD[name]
    longer = control(bad[0], bad[2:] + bytes(200))
    with pytest.raises(kind, match=text):
        scan(scanner(version, max_packet_bytes=129, keep_bytes=4), [longer])


def test_a_length_of_four_bytes_is_the_largest_that_is_read() -> None:
    packet = publish(payload=bytes(2_097_152 + 10))
    assert packet[4] < 128 <= packet[3]
    one = scanner(max_packet_bytes=1 << 22)
    assert list(one.feed(packet)) == [Publishes(packet, 1, [1], [])]


def test_the_largest_packet_that_mqtt_knows_is_dropped_without_being_kept() -> None:
    one = scanner(max_packet_bytes=1000, keep_bytes=16)
    start = b"\x32\xff\xff\xff\x7f\x00\x01a\x00\x07"
    left = 268_435_455 + 5 - len(start)
    assert list(one.feed(start)) == []
    block = bytes(1 << 20)
    for _ in range(left // len(block)):
        assert list(one.feed(block)) == []
        assert len(one._rest) == 0
    assert list(one.feed(bytes(left % len(block)) + publish())) == [
        Oversize(start + bytes(6), 268_435_460, 1, 7),
        Publishes(publish(), 1, [1], []),
    ]


def test_an_oversize_packet_gives_its_id_even_if_its_topic_is_longer_than_what_is_kept() -> None:
    packet = publish(topic=b"t" * 60_000, payload=bytes(10), packet_id=77)
    for size in (1, 7, 4096, 1 << 20):
        one = scanner(max_packet_bytes=50_000, keep_bytes=20)
        chunks = [packet[at : at + size] for at in range(0, len(packet), size)]
        assert scan(one, chunks).oversize == [Oversize(packet[:20], len(packet), 1, 77)]


def test_a_large_packet_in_many_chunks_costs_time_in_proportion_to_its_size() -> None:
    def seconds(megabytes: int) -> float:
        packet = publish(payload=bytes(megabytes << 20))
        one = scanner(max_packet_bytes=len(packet))
        chunks = [packet[at : at + 1460] for at in range(0, len(packet), 1460)]
        started = time.process_time()
        assert scan(one, chunks).messages == 1
        return time.process_time() - started

    small = min(seconds(2) for _ in range(3))
    large = min(seconds(16) for _ in range(3))
    assert large < 8 * small * 4  # quadratic copying would take 8 times more than in proportion


def test_pubrels_do_not_end_a_run_of_messages() -> None:
    one, two = publish(qos=2, packet_id=1), publish(qos=1, packet_id=2)
    stream = one + control(0x62, two_bytes(8)) + control(0x62, two_bytes(9)) + two
    assert list(scanner().feed(stream)) == [Publishes(one + two, 2, [2], [1]), Releases([8, 9])]


def test_a_control_packet_stays_in_its_place_between_messages() -> None:
    packet = publish()
    assert list(scanner().feed(packet + b"\xd0\x00" + packet)) == [
        Publishes(packet, 1, [1], []),
        Control(0xD0, b""),
        Publishes(packet, 1, [1], []),
    ]


def test_properties_of_any_length_are_passed() -> None:
    for size in (0, 100, 120, 130, 16_380, 16_400):
        packet = Paho(5).publish_packet(b"a", b"x", 1, 3, properties=user_properties(("k", "v" * size)))
        assert list(scanner(5).feed(packet)) == [Publishes(packet, 1, [3], [])]


def test_a_control_packet_up_to_the_limit_is_passed() -> None:
    body = bytes(MAX_CONTROL_BYTES - 4)
    assert list(scanner().feed(control(0x90, body))) == [Control(0x90, body)]


def test_limits_that_make_no_sense_are_refused() -> None:
    for limits in (
        {"keep_bytes": 0},
        {"keep_bytes": 201, "max_packet_bytes": 200},
        {"max_packet_bytes": 128},
        {"max_piece_bytes": 0},
    ):
        with pytest.raises(InvalidOptions):
            scanner(**limits)


def test_what_was_taken_is_freed_at_once_and_not_when_the_garbage_collector_comes_by():
    # With another packet behind them: a slice of all bytes would be no copy.
    receiver, chunk = scanner(), publish(payload=bytes(1000)) * 100 + control(0xD0, b"")
    gc.disable()
    tracemalloc.start()
    try:
        sum(1 for _ in receiver.feed(chunk))
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(20):
            sum(1 for _ in receiver.feed(chunk))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert after - before < len(chunk)
