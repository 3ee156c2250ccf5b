"""Control packets: ours are what paho-mqtt would send, and what brokers send is read back."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sens.domain.errors import Fatal
from sens.mqtt import packets, reason_codes
from sens.mqtt.errors import InvalidOptions, MalformedPacket
from sens.mqtt.options import ConnectOptions
from unit.mqtt.oracle import Paho, control, two_bytes

PACKET_IDS = st.lists(st.integers(1, 65_535), max_size=50)


def properties_of(packet_type: int, **values: object) -> Properties:
    properties = Properties(packet_type)
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize(("username", "password"), [(None, None), ("plant", None), ("plant", "geheim-ü")])
@pytest.mark.parametrize("clean", [True, False])
def test_connect_is_what_paho_sends(version: int, username: str | None, password: str | None, clean: bool) -> None:
    paho = Paho(version, "sens-1", clean)
    if username:
        paho.username_pw_set(username, password)
    asked = properties_of(PacketTypes.CONNECT, SessionExpiryInterval=604_800, ReceiveMaximum=1000, TopicAliasMaximum=0)
    options = ConnectOptions(
        client_id="sens-1", username=username, password=password.encode() if password else None,
        version=version, keep_alive_s=25,
        session_expiry_s=604_800, receive_maximum=1000, clean_start=clean,
    )  # fmt: skip
    assert packets.connect(options.connect()) == paho.connect_packet(25, clean, asked if version == 5 else None)


def test_connect_announces_no_maximum_packet_size_and_no_topic_alias() -> None:
    encoded = packets.connect(ConnectOptions(client_id="c").connect())
    assert encoded.endswith(b"\x0b\x11\x00\x09\x3a\x80\x21\xff\xff\x22\x00\x00\x00\x01c")


def test_a_password_never_shows_in_the_options_text() -> None:
    assert "geheim" not in repr(ConnectOptions(client_id="c", username="u", password=b"geheim"))


@pytest.mark.parametrize("version", [4, 5])
def test_subscribe_and_unsubscribe_are_what_paho_sends(version: int) -> None:
    filters = [("sens/+/telemetry", 1), ("$share/g/ü/#", 2), ("a" * 200, 0)]
    paho = Paho(version)
    assert packets.subscribe(1, filters, version) == paho.subscribe_packet(filters)
    names = [name for name, _ in filters]
    assert packets.unsubscribe(2, names, version) == paho.unsubscribe_packet(names)


@given(PACKET_IDS)
def test_acknowledgements_in_bulk_are_those_of_each_message_in_order(ids: list[int]) -> None:
    for encode, first in ((packets.pubacks, 0x40), (packets.pubrecs, 0x50), (packets.pubcomps, 0x70)):
        assert encode(ids) == b"".join(bytes((first, 2)) + two_bytes(packet_id) for packet_id in ids)


def test_a_connack_of_3_1_1_is_read() -> None:
    assert packets.read_connack(b"\x01\x00", 4)[:3] == (True, 0, "accepted")
    assert packets.read_connack(b"\x00\x04", 4)[:3] == (False, 4, "bad user name or password")


def test_a_connack_of_5_is_read_with_its_properties() -> None:
    said = properties_of(
        PacketTypes.CONNACK,
        AssignedClientIdentifier="auto-7", ServerKeepAlive=20, ReceiveMaximum=40, MaximumQoS=1,
        SessionExpiryInterval=3600, SharedSubscriptionAvailable=0, WildcardSubscriptionAvailable=0,
        ReasonString="hello", UserProperty=[("a", "b"), ("a", "c")], TopicAliasMaximum=10, RetainAvailable=1,
        MaximumPacketSize=100_000, ResponseInformation="r", AuthenticationMethod="m", AuthenticationData=b"d",
        ServerReference="other:1883", SubscriptionIdentifierAvailable=1,
    )  # fmt: skip
    ack = packets.read_connack(b"\x01\x00" + said.pack(), 5)
    assert ack == packets.ConnectAck(True, 0, "accepted", 20, 3600, False, False, "hello", "other:1883")


def test_a_connack_of_5_without_properties_means_the_defaults() -> None:
    assert packets.read_connack(b"\x00\x00\x00", 5) == packets.ConnectAck(False, 0, "accepted")


def test_a_broker_that_only_knows_3_1_1_is_understood_when_it_refuses_version_5() -> None:
    assert packets.read_connack(b"\x00\x01", 5).reason == "unacceptable protocol version"


def test_suback_and_unsuback_give_a_reason_for_each_filter() -> None:
    assert packets.read_suback(b"\x00\x07\x00\x01\x80", 4) == packets.Acknowledgement(7, [0, 1, 0x80])
    assert packets.read_unsuback(b"\x00\x07", 4) == packets.Acknowledgement(7, [])
    said = properties_of(PacketTypes.SUBACK, ReasonString="no").pack()
    assert packets.read_suback(b"\x01\x00" + said + b"\x02\x87", 5) == packets.Acknowledgement(256, [2, 0x87], "no")
    assert packets.read_unsuback(b"\x01\x00\x00\x11", 5) == packets.Acknowledgement(256, [0x11])


def test_a_pubrel_is_read_in_all_its_forms() -> None:
    reason = properties_of(PacketTypes.PUBREL, ReasonString="why").pack()
    assert packets.read_pubrel(b"\x01\x02", 4) == 258
    assert [packets.read_pubrel(b"\x01\x02" + more, 5) for more in (b"", b"\x92", b"\x92" + reason)] == [258] * 3


def test_disconnect_is_written_and_read_with_its_reason() -> None:
    assert packets.disconnect(4, 0x81) == packets.disconnect(5) == b"\xe0\x00"
    assert packets.disconnect(5, 0x81) == b"\xe0\x01\x81"
    said = properties_of(PacketTypes.DISCONNECT, ReasonString="bye", ServerReference="b:1").pack()
    assert packets.read_disconnect(b"\x8e" + said) == packets.Disconnect(0x8E, "session taken over", "bye", "b:1")
    assert packets.read_disconnect(b"") == packets.Disconnect(0, "success")
    assert packets.read_disconnect(b"\xf7").reason == "unknown reason code 0xf7"


def test_a_property_that_is_unknown_repeated_or_cut_is_malformed() -> None:
    for bad in (
        b"\x02\x7f\x00",
        b"\x06\x21\x00\x01\x21\x00\x02",
        b"\x02\x21\x00",
        b"\x05\x21\x00\x01",
        b"\x03\x1f\x00\x09",
    ):
        with pytest.raises(MalformedPacket):
            packets.read_connack(b"\x00\x00" + bad, 5)


def test_bytes_after_the_end_of_a_packet_are_malformed() -> None:
    with pytest.raises(MalformedPacket, match="1 bytes too many"):
        packets.read_connack(b"\x00\x00\x00", 4)
    with pytest.raises(MalformedPacket, match="packet id 0"):
        packets.read_pubrel(b"\x00\x00", 4)


@given(st.binary(max_size=64), st.sampled_from([4, 5]))
def test_arbitrary_bodies_are_read_or_malformed(body: bytes, version: int) -> None:
    readers = (packets.read_connack, packets.read_suback, packets.read_unsuback, packets.read_pubrel)
    for read in (*readers, lambda body, _: packets.read_disconnect(body)):
        result = None
        with suppress(MalformedPacket):
            result = read(body, version)
        assert result is None or result == read(body, version)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"version": 3}, "version"),
        ({"keep_alive_s": 65_536}, "keep_alive_s"),
        ({"session_expiry_s": -1}, "session_expiry_s"),
        ({"receive_maximum": 0}, "receive_maximum"),
        ({"client_id": ""}, "client_id"),
        ({"version": 4, "password": "p"}, "user name"),
    ],
)
def test_options_that_mqtt_does_not_allow_are_refused_with_their_name(change: dict[str, Any], names: str) -> None:
    with pytest.raises(InvalidOptions, match=names) as refused:
        ConnectOptions(**(dict[str, Any](client_id="c") | change))
    assert isinstance(refused.value, Fatal)


@pytest.mark.parametrize("text", ["a\0b", "x" * 65_536, "\ud800"])
def test_texts_that_mqtt_cannot_express_are_refused(text: str) -> None:
    with pytest.raises(InvalidOptions):
        packets.connect(ConnectOptions(client_id=text).connect())
    with pytest.raises(InvalidOptions):
        packets.subscribe(1, [(text, 0)], 5)


def plain(name: str) -> str:
    """A reason's name without what implementations write differently."""
    return name.lower().replace("-", " ").replace("subscriptions", "subscription").replace("identifiers", "identifier")


def test_reason_codes_are_named_as_paho_names_them() -> None:
    compared = 0
    for packet_type in (PacketTypes.CONNACK, PacketTypes.SUBACK, PacketTypes.UNSUBACK, PacketTypes.DISCONNECT):
        for code in range(0x80, 0xA3):
            with suppress(KeyError, ValueError):
                name = str(ReasonCode(packet_type, identifier=code))
                assert plain(reason_codes.text(code)) == plain(name)
                compared += 1
    assert compared > 50


def test_control_packets_longer_than_127_bytes_have_the_length_that_paho_writes() -> None:
    for size in (127, 128, 16_383, 16_384, 65_000):
        filters = [("f" * (size - 5), 0)]
        assert packets.subscribe(1, filters, 4)[: -(size - 5) - 5] == control(0x82, bytes(size))[:-size]
