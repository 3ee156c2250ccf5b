"""A connection fed with arbitrary bytes: every end is one of our errors, told once."""

import asyncio
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sens.domain.errors import SensError
from sens.mqtt.errors import MqttError
from sens.mqtt.link import Link
from sens.mqtt.options import ConnectOptions
from unit.mqtt.streams import MESSAGE, OTHER, PUBREL, cut


class Calls:
    """A handler that counts."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def connected(self, ack: object) -> None:
        self.names.append("connected")

    def received(self, piece: object) -> None:
        self.names.append("received")

    def oversize(self, oversize: object) -> None:
        self.names.append("oversize")

    def settled(self) -> None:
        self.names.append("settled")

    def closed(self, error: SensError | None) -> None:
        self.names.append("closed")
        assert isinstance(error, MqttError)


class Transport(asyncio.Transport):
    """Takes everything, sends nothing."""

    closing = False

    def write(self, data: Any) -> None:
        assert not self.closing

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    abort = close


CONNACK = st.sampled_from([b"\x20\x02\x00\x00", b"\x20\x03\x01\x00\x00", b"\x20\x02\x00\x05", b"\x20\x03\x00\x87\x00"])
STREAM = st.tuples(
    st.one_of(CONNACK, st.just(b"")),
    st.lists(
        st.one_of(
            MESSAGE.map(lambda m: m.packet(4)),
            MESSAGE.map(lambda m: m.packet(5)),
            PUBREL,
            OTHER,
            CONNACK,
            st.just(b"\xe0\x01\x8e"),
            st.binary(max_size=20),
        ),
        max_size=6,
    ),
).map(lambda parts: parts[0] + b"".join(parts[1]))


@settings(max_examples=200)
@given(STREAM, st.lists(st.integers(0, 100_000), max_size=6), st.sampled_from([4, 5]))
@example(b"\x20\x02\x00\x00\xd0\x00\x62\x02\x00\x01", [4], 4)
def test_whatever_a_broker_sends_ends_in_one_of_our_errors(stream: bytes, places: list[int], version: int) -> None:
    async def feed() -> None:
        calls, transport = Calls(), Transport()
        link = Link(ConnectOptions(client_id="c", version=version), calls, "broker:1883")
        link.connection_made(transport)
        for chunk in cut(stream, places):
            link.data_received(chunk)
        link.connection_lost(None)
        if "connected" in calls.names:
            assert calls.names[0] == "connected"
            assert calls.names[-1] == "closed"
            assert calls.names.count("connected") == calls.names.count("closed") == 1
            assert not link.accepted.exception()
        else:
            assert calls.names == []
            assert isinstance(link.accepted.exception(), MqttError)
        assert link.ended.is_set()

    asyncio.run(feed())
