"""Live updates and the states of sources."""

import asyncio
import time

import msgspec
import pytest

from sens.stream.bucket import Bucket
from sens.stream.connection import StreamConnection
from sens.stream.errors import SequenceMismatch
from sens.stream.live import LivePublisher, LiveUpdate, live_subject, subscribe_live
from sens.stream.status import StatusBoard
from sens.stream.streamlog import call
from servers import Nats


def update(series: int) -> bytes:
    return msgspec.json.encode(LiveUpdate([series], [0], ["x"]))


class TestLive:
    async def test_a_listener_gets_what_is_sent_on_its_subject_and_is_an_update(
        self, connection: StreamConnection, until
    ):
        live = LivePublisher(connection)
        every, only_b = list[LiveUpdate](), list[LiveUpdate]()
        async with (
            subscribe_live(connection, live_subject("*"), every.append),
            subscribe_live(connection, live_subject("b"), only_b.append),
        ):
            await live.publish(live_subject("a"), update(1))
            await live.publish(live_subject("b"), b'{"series": ["nonsense"]}')
            await live.publish(live_subject("b"), update(2))
            await until(lambda: len(every) == 2 and len(only_b) == 1)
        assert [each.series for each in every] == [[1], [2]]
        assert only_b == [LiveUpdate([2], [0], ["x"])]
        assert (live.sent, live.dropped) == (3, 0)

    async def test_without_a_connection_updates_are_dropped_and_counted(self, own_nats: Nats, connect_to, until):
        connection = await connect_to(own_nats)
        live = LivePublisher(connection)
        heard = list[LiveUpdate]()
        async with subscribe_live(connection, live_subject("a"), heard.append):
            own_nats.kill()
            await until(lambda: not connection.connected)
            started = time.monotonic()
            for _ in range(100):
                await live.publish(live_subject("a"), b"lost")
            assert time.monotonic() - started < 1
            assert live.dropped == 100
            own_nats.start()
            await until(lambda: connection.connected)
            await live.publish(live_subject("a"), update(7))
            await until(lambda: heard == [LiveUpdate([7], [0], ["x"])])

    async def test_an_update_that_is_too_large_is_dropped_and_counted(self, connection: StreamConnection):
        live = LivePublisher(connection)
        await live.publish(live_subject("a"), bytes(connection.max_payload))
        assert (live.sent, live.dropped) == (0, 1)


class TestStatus:
    async def test_the_last_state_of_each_session_is_read_with_its_age(self, connection: StreamConnection):
        board = StatusBoard(connection)
        assert await board.read() == []
        began_at = time.time()
        await board.put("b", "s1", {"connected": False})
        await board.put("a", "s1", {"connected": False})
        await board.put("a", "s1", {"connected": True, "messages_per_s": 12.5})
        await board.put("a", "s2", {"connected": True})
        await board.remove("a", "s2")
        await asyncio.sleep(0.3)
        found = await board.read()
        assert [(each.source, each.session, each.state) for each in found] == [
            ("a", "s1", {"connected": True, "messages_per_s": 12.5}),
            ("b", "s1", {"connected": False}),
        ]
        assert all(0.25 < each.age_s < time.time() - began_at for each in found)

    async def test_a_bucket_removed_while_it_is_used_is_made_again(self, connection: StreamConnection):
        board = StatusBoard(connection)
        await board.put("a", "s1", {})
        await call(connection, "STREAM.DELETE.KV_SENS_STATUS", {}, dict)
        assert await board.read() == []
        await call(connection, "STREAM.DELETE.KV_SENS_STATUS", {}, dict)
        await board.put("a", "s1", {"again": True})
        assert [each.state for each in await board.read()] == [{"again": True}]


class TestBucket:
    async def test_a_write_over_another_revision_is_refused(self, connection: StreamConnection):
        bucket = Bucket(connection, "SENS_STATUS")
        first = await bucket.put("k", b"1", expect=0)
        with pytest.raises(SequenceMismatch):
            await bucket.put("k", b"2", expect=0)
        second = await bucket.put("k", b"2", expect=first)
        with pytest.raises(SequenceMismatch):
            await bucket.remove("k", expect=first)
        gone = await bucket.remove("k", expect=second)
        entry = await bucket.get("k")
        assert entry is not None
        assert (entry.value, entry.revision) == (None, gone)
        assert await bucket.put("k", b"3", expect=gone) == gone + 1

    @pytest.mark.parametrize("key", ["", "a b", "a*", ">", "a\r\nPUB x"])
    async def test_a_key_that_cannot_be_is_refused(self, connection: StreamConnection, key: str):
        with pytest.raises(ValueError, match="is no key"):
            await Bucket(connection, "SENS_STATUS").get(key)
