"""Which messages are known when a broker delivers again."""

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from envelopes import envelope, publish
from sens.decoding.messages import Arrival
from sens.domain.envelope import EnvelopeKind, unpack
from sens.mqtt.scanner import Oversize, Publishes
from sens.mqtt_ingestion_worker.redelivery import Live, Redelivery
from sens.mqtt_ingestion_worker.settlement import Settlement
from unit.mqtt.oracle import Paho


def again(packet: bytes) -> bytes:
    """The packet with DUP=1."""
    return bytes([packet[0] | 8]) + packet[1:]


def piece(*packets: bytes) -> Publishes:
    return Publishes(b"".join(packets), len(packets), [], [])


A = publish("a", b"1", packet_id=1)
B = publish("b", b"2", packet_id=2)
NOTHING_LIVE = Live(Settlement(0, 0))


def remembering(*newest_first: Arrival) -> Redelivery:
    redelivery = Redelivery()
    for arrival in newest_first:
        redelivery.remember(unpack(arrival.data))
    return redelivery


def live(packet_id: int, *, acknowledged: bool) -> Live:
    """One message came, and its running total is 1."""
    settlement = Settlement(0, 0)
    made = Live(settlement)
    made.came([packet_id], 1)
    settlement.wrote(int(acknowledged))
    return made


KNOWN = remembering(envelope(A, B))


def test_a_redelivered_message_that_is_on_disk_is_only_acknowledged():
    found = KNOWN.split(piece(again(A), again(B)), 4, NOTHING_LIVE)
    assert found.new is None
    assert found.known is not None
    assert found.known.qos1 == [1, 2]


def test_another_message_under_the_same_packet_id_is_new():
    other = again(publish("a", b"other", packet_id=1))
    found = KNOWN.split(piece(other), 4, NOTHING_LIVE)
    assert found.new == Publishes(other, 1, [1], [])


def test_a_message_without_dup_is_new_even_if_it_is_equal():
    found = KNOWN.split(piece(A, again(B)), 4, NOTHING_LIVE)
    assert found.new == Publishes(A, 1, [1], [])


def test_a_second_copy_of_what_is_not_on_disk_yet_waits_for_the_first():
    found = Redelivery().split(piece(again(A)), 4, live(1, acknowledged=False))
    assert (found.new, found.known, found.waiting) == (None, None, 1)


def test_a_second_copy_that_crosses_its_acknowledgement_is_acknowledged_again():
    found = Redelivery().split(piece(again(A)), 4, live(1, acknowledged=True))
    assert found.new is None
    assert found.known is not None


def test_of_two_messages_with_one_packet_id_the_later_counts():
    later = publish("a", b"later", packet_id=1)
    redelivery = remembering(envelope(later), envelope(A))
    assert redelivery.split(piece(again(later)), 4, NOTHING_LIVE).new is None
    assert redelivery.split(piece(again(A)), 4, NOTHING_LIVE).known is None


def test_an_envelope_that_cannot_be_read_back_ends_the_list_of_what_is_known():
    damaged = unpack(envelope(B + b"\x32\x7f", B).data)
    redelivery = remembering(envelope(B))
    assert not redelivery.remember(damaged)
    assert redelivery.split(piece(again(A)), 4, NOTHING_LIVE).known is None
    assert redelivery.split(piece(again(B)), 4, NOTHING_LIVE).new is None


def test_of_two_messages_with_one_packet_id_in_one_envelope_the_later_counts():
    later = publish("a", b"later", packet_id=1)
    redelivery = remembering(envelope(A, later))
    assert redelivery.split(piece(again(later)), 4, NOTHING_LIVE).new is None
    assert redelivery.split(piece(again(A)), 4, NOTHING_LIVE).known is None


def test_what_is_remembered_later_counts():
    later = publish("a", b"later", packet_id=1)
    redelivery = remembering(envelope(A, B))
    redelivery.update(remembering(envelope(later)))
    assert redelivery.split(piece(again(later), again(B)), 4, NOTHING_LIVE).new is None
    assert redelivery.split(piece(again(A)), 4, NOTHING_LIVE).known is None


def test_what_came_on_this_connection_is_live_until_the_broker_has_read_its_acknowledgement():
    settlement = Settlement(0, 60)
    live = Live(settlement)
    settlement.connected(10, 0, may_come_again=True)
    settlement.answered()
    live.came([7, 8], 12)
    assert live.is_pending(7)
    assert not live.is_pending(9)
    settlement.wrote(12)
    assert not live.is_pending(7)
    assert live.is_acknowledged(8)
    settlement.asked(1)
    settlement.answered()
    assert not live.is_acknowledged(8), "although nothing is settled yet"


def test_of_two_live_messages_with_one_packet_id_the_later_counts():
    settlement = Settlement(0, 0)
    live = Live(settlement)
    live.came([1, 2], 2)
    settlement.wrote(2)
    live.came([2, 3], 4)
    assert live.is_acknowledged(1)
    assert live.is_pending(2)
    live.came([1], 5)
    assert live.is_pending(1)


def oversize(packet: bytes, packet_id: int, kept: int = 4096) -> Oversize:
    return Oversize(packet[:kept], len(packet), 1, packet_id)


def stubbed(piece: Oversize, mqtt_version: int) -> Redelivery:
    arrival = envelope(
        piece.first_bytes,
        kind=EnvelopeKind.STUB,
        packet_bytes=piece.packet_bytes,
        packet_id=piece.packet_id,
        mqtt_version=mqtt_version,
    )
    return remembering(arrival)


def test_an_oversize_message_is_known_again():
    first = publish("a", b"1" * 10_000, packet_id=1)
    redelivery = stubbed(oversize(first, 1), 4)
    assert redelivery.knows(oversize(again(first), 1), 4)
    assert not redelivery.knows(oversize(first, 1), 4)
    assert not redelivery.knows(oversize(again(publish("a", b"1" * 10_000, packet_id=2)), 2), 4)
    assert not redelivery.knows(oversize(again(publish("a", b"1" * 10_001, packet_id=1)), 1), 4)
    assert not redelivery.knows(oversize(again(publish("b", b"1" * 10_000, packet_id=1)), 1), 4)


def test_an_oversize_message_that_is_about_to_expire_is_known_again():
    def sent(expiry_s: int) -> bytes:
        properties = Properties(PacketTypes.PUBLISH)
        properties.MessageExpiryInterval = expiry_s
        return Paho(5).publish_packet(b"a", b"1" * 10_000, 1, 7, properties=properties)

    assert stubbed(oversize(sent(600), 7), 5).knows(oversize(again(sent(599)), 7), 5)


def test_an_oversize_message_whose_topic_is_longer_than_what_is_kept_is_known_again():
    packet = publish("t" * 5000, b"1" * 10_000, packet_id=9)
    assert stubbed(oversize(packet, 9), 4).knows(oversize(again(packet), 9), 4)
