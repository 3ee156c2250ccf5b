"""The stream of raw envelopes."""

import asyncio
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from sens.domain.envelope import subject
from sens.stream.connection import StreamConnection
from sens.stream.errors import SequenceMismatch, StreamAway, StreamFull, StreamMissing, StreamRefused
from sens.stream.raw import EPOCH_KEY, HEAD_BYTES, RawStream, RawStreamSettings
from sens.stream.streamlog import Info, StreamLog, call
from servers import Nats

MIB = 1024 * 1024
A = subject("plant-a", "s1")
B = subject("plant-b", "s1")


async def config(raw: RawStream) -> dict[str, Any]:
    return (await call(raw.connection, f"STREAM.INFO.{raw.name}", {}, Info)).config


async def delete(raw: RawStream) -> None:
    await call(raw.connection, f"STREAM.DELETE.{raw.name}", {}, dict)


async def fill(raw: RawStream, subject: str, n: int, data: bytes = b"x") -> int:
    last = 0
    for _ in range(n):
        last = await raw.publish(subject, data, expect_last=last)
    return last


class TestEnsure:
    async def test_the_stream_is_on_disk_refuses_what_is_new_when_full_and_bears_an_epoch(self, raw: RawStream):
        found = await config(raw)
        assert found["storage"] == "file"
        assert found["discard"] == "new"
        assert found["retention"] == "limits"
        assert found["subjects"] == ["sens.raw.>"]
        assert found["allow_direct"] is True
        assert bytes.fromhex(found["metadata"][EPOCH_KEY]) == raw.epoch
        assert len(raw.epoch) == 8

    async def test_processes_that_make_it_at_once_agree_on_the_epoch(self, connection: StreamConnection):
        settings = RawStreamSettings(max_bytes=MIB)
        streams = await asyncio.gather(*(RawStream.ensure(connection, settings) for _ in range(8)))
        assert len({stream.epoch for stream in streams}) == 1

    async def test_processes_that_make_it_at_once_need_its_room_once(self, tmp_path: Path, connect_to):
        server = Nats(tmp_path / "nats", max_file_bytes=3 * MIB)
        server.start()
        try:
            settings = RawStreamSettings(max_bytes=2 * MIB)
            connections = [await connect_to(server) for _ in range(8)]
            streams = await asyncio.gather(*(RawStream.ensure(each, settings) for each in connections))
            assert len({stream.epoch for stream in streams}) == 1
            with pytest.raises(StreamFull, match="10047"):
                await RawStream.ensure(connections[0], RawStreamSettings(2 * MIB, "ANOTHER"))
        finally:
            server.kill()

    async def test_an_existing_stream_takes_new_limits_and_keeps_data_and_epoch(self, raw: RawStream):
        await fill(raw, A, 3)
        again = await RawStream.ensure(raw.connection, RawStreamSettings(max_bytes=2 * MIB))
        assert again.epoch == raw.epoch
        state = await again.state()
        assert state.max_bytes == 2 * MIB
        assert state.messages == 3

    async def test_a_limit_below_what_is_stored_removes_nothing(self, raw: RawStream):
        last = await fill(raw, A, 8, bytes(MIB // 4))
        small = await RawStream.ensure(raw.connection, RawStreamSettings(max_bytes=MIB))
        state = await small.state()
        assert state.messages == 8
        assert state.fill > 1
        with pytest.raises(StreamFull):
            await small.publish(A, b"x", expect_last=last)

    async def test_a_stream_of_another_kind_is_refused_by_name_of_what_differs(self, connection: StreamConnection):
        other = {"name": "SENS_RAW", "subjects": ["sens.raw.>"], "storage": "memory", "discard": "new"}
        await call(connection, "STREAM.CREATE.SENS_RAW", other, Info)
        with pytest.raises(StreamRefused, match="storage 'memory', SENS needs 'file'"):
            await RawStream.ensure(connection, RawStreamSettings(max_bytes=MIB))

    @pytest.mark.parametrize(
        "limits",
        [
            {"max_age": 3600 * 1_000_000_000},
            {"max_msgs": 10},
            {"max_msg_size": 1000},
            {"max_msgs_per_subject": 1},
            {"max_msgs_per_subject": 5, "discard_new_per_subject": True},
            {"no_ack": True},
        ],
        ids="+".join,
    )
    @pytest.mark.parametrize("running", [False, True], ids=["at start", "while it runs"])
    async def test_limits_that_eat_what_is_not_consumed_are_lifted(
        self, connection: StreamConnection, limits: dict[str, Any], running: bool
    ):
        by_hand = {"name": "SENS_RAW", "subjects": ["sens.raw.>"], "storage": "file", "discard": "new"}
        await call(connection, "STREAM.CREATE.SENS_RAW", by_hand if running else by_hand | limits, Info)
        raw = await RawStream.ensure(connection, RawStreamSettings(max_bytes=MIB * 64))
        if running:
            await call(connection, "STREAM.UPDATE.SENS_RAW", await config(raw) | limits, Info)
            await raw.refresh()
        found = await config(raw)
        assert (found["max_age"], found["max_msgs"], found["max_msg_size"]) == (0, -1, -1)
        assert await fill(raw, A, 20, bytes(2000)) == 20
        assert (await raw.state()).messages == 20

    async def test_a_stream_that_takes_nothing_is_refused(self, raw: RawStream):
        await call(raw.connection, "STREAM.UPDATE.SENS_RAW", await config(raw) | {"sealed": True}, Info)
        with pytest.raises(StreamRefused, match="sealed set: it takes nothing any more"):
            await RawStream.ensure(raw.connection, raw.settings)
        await delete(raw)

    async def test_another_stream_on_our_subjects_is_refused(self, connection: StreamConnection):
        other = {"name": "OTHER", "subjects": ["sens.raw.>"], "storage": "memory"}
        await call(connection, "STREAM.CREATE.OTHER", other, Info)
        try:
            with pytest.raises(StreamRefused, match="overlap"):
                await RawStream.ensure(connection, RawStreamSettings(max_bytes=MIB))
        finally:
            await call(connection, "STREAM.DELETE.OTHER", {}, dict)

    async def test_more_replicas_than_the_server_can_keep_are_refused(self, connection: StreamConnection):
        connection.replicas = 3
        with pytest.raises(StreamRefused, match="replicas"):
            await RawStream.ensure(connection, RawStreamSettings(max_bytes=MIB))

    async def test_a_stream_made_by_hand_gets_one_epoch_and_keeps_its_metadata(self, connection: StreamConnection):
        by_hand = {"name": "SENS_RAW", "subjects": ["sens.raw.>"], "storage": "file", "discard": "new",
                   "metadata": {"owner": "ops"}}  # fmt: skip
        await call(connection, "STREAM.CREATE.SENS_RAW", by_hand, Info)
        settings = RawStreamSettings(max_bytes=MIB)
        streams = await asyncio.gather(*(RawStream.ensure(connection, settings) for _ in range(4)))
        assert len({stream.epoch for stream in streams}) == 1
        assert (await config(streams[0]))["metadata"]["owner"] == "ops"


class TestEpoch:
    async def test_it_differs_when_the_stream_is_made_again(self, raw: RawStream):
        before = raw.epoch
        await delete(raw)
        assert await raw.refresh() != before
        assert raw.epoch != before

    async def test_it_stays_over_a_kill_of_the_server(self, own_nats: Nats, connect_to, until):
        connection = await connect_to(own_nats)
        raw = await RawStream.ensure(connection, RawStreamSettings(max_bytes=MIB))
        before = raw.epoch
        own_nats.kill()
        own_nats.start()
        await until(lambda: connection.connected and connection.reconnects > 0)
        assert await raw.refresh() == before

    async def test_renewing_it_is_seen_by_other_processes(self, raw: RawStream):
        other = await RawStream.ensure(raw.connection, raw.settings)
        before = raw.epoch
        assert await raw.renew_epoch() != before
        assert await other.refresh() == raw.epoch


class TestPublish:
    async def test_returns_the_sequence_and_stores_the_bytes(self, raw: RawStream):
        data = bytes(range(256)) * 1000
        assert await raw.publish(A, data, expect_last=0) == 1
        assert await raw.publish(B, b"", expect_last=0) == 2
        stored = await raw.last(A)
        assert stored is not None
        assert (stored.sequence, stored.subject, stored.data) == (1, A, data)
        assert abs(stored.stored_at / 1e6 - time.time()) < 60
        assert await raw.get(2) == await raw.last(B)
        assert await raw.get(3) is None
        assert await raw.last(subject("nobody", "x")) is None

    async def test_a_stale_expected_sequence_is_refused_and_stores_nothing(self, raw: RawStream):
        last = await fill(raw, A, 2)
        for stale in (0, 1, last + 1):
            with pytest.raises(SequenceMismatch):
                await raw.publish(A, b"late", expect_last=stale)
        assert (await raw.state()).messages == 2

    async def test_another_writer_fences_the_former_one(self, raw: RawStream):
        former = await fill(raw, A, 1)
        claim = await raw.publish(A, b"claim of the new owner", expect_last=former)
        with pytest.raises(SequenceMismatch):
            await raw.publish(A, b"of the former owner", expect_last=former)
        assert await raw.publish(A, b"of the new owner", expect_last=claim) == claim + 1

    async def test_of_two_writers_at_once_one_wins(self, raw: RawStream):
        answers = await asyncio.gather(
            *(raw.publish(A, bytes([i]), expect_last=0) for i in range(8)), return_exceptions=True
        )
        assert sum(answer == 1 for answer in answers) == 1
        assert sum(isinstance(answer, SequenceMismatch) for answer in answers) == 7

    async def test_a_full_stream_refuses_and_keeps_what_is_old(self, connection: StreamConnection):
        raw = await RawStream.ensure(connection, RawStreamSettings(max_bytes=MIB))
        last = await fill(raw, A, 3, bytes(300_000))
        with pytest.raises(StreamFull, match="maximum bytes exceeded"):
            await raw.publish(A, bytes(300_000), expect_last=last)
        assert [stored.sequence async for stored in raw.read()] == [1, 2, 3]
        await raw.purge(A, 3)
        assert await raw.publish(A, bytes(300_000), expect_last=last) == 4

    async def test_a_stream_that_is_gone_is_told_from_a_server_that_is_away(self, raw: RawStream):
        await delete(raw)
        with pytest.raises(StreamMissing):
            await raw.publish(A, b"x", expect_last=0)
        await raw.refresh()
        assert await raw.publish(A, b"x", expect_last=0) == 1

    async def test_after_kill_during_publish_the_tail_tells_what_was_stored(self, own_nats: Nats, connect_to):
        connection = await connect_to(own_nats)
        raw = await RawStream.ensure(connection, RawStreamSettings(max_bytes=256 * MIB))
        last, confirmed, unknown = 0, 0, 0
        for round_ in range(3):
            killing = asyncio.get_running_loop().run_in_executor(None, lambda: (time.sleep(0.3), own_nats.kill()))
            number, data = 0, b""
            while True:
                number += 1
                data = f"{round_}.{number}".encode() + bytes(50_000)
                try:
                    last = await raw.publish(A, data, expect_last=last)
                    confirmed += 1
                except StreamAway:
                    break
            await killing
            own_nats.start()
            tail = None
            while tail is None:
                try:
                    tail = await raw.last(A)
                except StreamAway:
                    await asyncio.sleep(0.05)
            # The one whose outcome is unknown was stored or not; nothing before it is lost, nothing doubled.
            if tail.data == data:
                confirmed, unknown = confirmed + 1, unknown + 1
            else:
                assert tail.sequence == last
            last = tail.sequence
        assert confirmed > 3
        stored = [each.data async for each in raw.read()]
        assert len(stored) == len(set(stored)) == confirmed

    async def test_an_answer_that_comes_too_late_is_found_in_the_tail(self, own_nats: Nats, connect_to):
        connection = await connect_to(own_nats)
        raw = await RawStream.ensure(connection, RawStreamSettings(max_bytes=MIB))
        own_nats.signal(signal.SIGSTOP)
        with pytest.raises(StreamAway, match="did not answer"):
            await raw.publish(A, b"mine", expect_last=0, timeout_s=0.3)
        own_nats.signal(signal.SIGCONT)
        with pytest.raises(SequenceMismatch):
            await raw.publish(A, b"mine", expect_last=0)
        tail = await raw.last(A)
        assert tail is not None
        assert tail.data == b"mine"
        assert (await raw.state()).messages == 1

    async def test_the_largest_envelope_comes_back_by_every_way(self, raw: RawStream):
        data = random.Random(1).randbytes(raw.connection.max_data_bytes)
        await raw.publish(A, data, expect_last=0)
        last, got = await raw.last(A), await raw.get(1)
        assert last is not None
        assert got == last
        assert last.data == data
        assert [stored.data async for stored in raw.read()] == [data]
        assert [stored.data for stored in await raw.tails()] == [data[:HEAD_BYTES]]


class TestPurge:
    async def test_removes_what_is_before_and_never_what_is_later(self, raw: RawStream):
        await fill(raw, A, 5)
        await fill(raw, B, 2)
        assert await raw.purge(A, 4) == 3
        assert [stored.sequence async for stored in raw.read()] == [4, 5, 6, 7]

    async def test_never_removes_a_subjects_last_envelope(self, raw: RawStream):
        last = await fill(raw, A, 5)
        assert await raw.purge(A, last + 100) == 4
        assert (await raw.state()).subjects == {A: 1}
        assert await raw.publish(A, b"x", expect_last=last) == last + 1

    @pytest.mark.parametrize("before", [0, 1])
    async def test_of_nothing_removes_nothing(self, raw: RawStream, before: int):
        await fill(raw, A, 2)
        assert await raw.purge(A, before) == 0
        assert await raw.purge(subject("nobody", "x"), 5) == 0
        assert (await raw.state()).messages == 2


class TestReading:
    async def test_the_state_counts_per_subject(self, raw: RawStream):
        await fill(raw, A, 2)
        await fill(raw, B, 3)
        await raw.purge(A, 2)
        state = await raw.state()
        assert state.subjects == {A: 1, B: 3}
        assert (state.messages, state.first_sequence, state.last_sequence) == (4, 2, 5)
        assert 0 < state.fill < 0.01

    async def test_tails_of_500_subjects_are_all_there_and_cut_after_the_header(self, raw: RawStream):
        names = [subject(f"source-{i:04}", "s") for i in range(520)]
        data = bytes(20_000)
        await asyncio.gather(*(raw.publish(name, b"old", expect_last=0) for name in names))
        lasts = {stored.subject: stored.sequence for stored in await raw.tails()}
        await asyncio.gather(*(raw.publish(name, data, expect_last=lasts[name]) for name in names))
        tails = await raw.tails()
        assert sorted(stored.subject for stored in tails) == names
        assert all(stored.sequence > 520 and stored.data == data[:HEAD_BYTES] for stored in tails)

    async def test_tails_of_an_empty_stream_are_none(self, raw: RawStream):
        assert await raw.tails() == []
        assert [stored async for stored in raw.read()] == []

    async def test_reads_a_range_in_order_over_many_batches(self, raw: RawStream):
        last = {A: 0, B: 0}
        for i in range(600):
            name = A if i % 3 else B
            last[name] = await raw.publish(name, f"{i}".encode() * 2000, expect_last=last[name])
        everything = [stored async for stored in raw.read()]
        assert [stored.sequence for stored in everything] == list(range(1, 601))
        assert everything[599].data == b"599" * 2000
        some = [stored.sequence async for stored in raw.read(start_sequence=100, end_sequence=399, subjects=B)]
        assert some == list(range(100, 400, 3))

    async def test_reading_holds_a_few_mib_at_a_time(self, raw: RawStream, monkeypatch: pytest.MonkeyPatch):
        await fill(raw, A, 24, bytes(MIB))
        sizes: list[int] = []
        original = StreamLog.batch

        async def batch(log: StreamLog, what: dict[str, Any], head_bytes: int | None = None):
            stored, end = await original(log, what, head_bytes)
            sizes.append(len(stored))
            return stored, end

        monkeypatch.setattr(StreamLog, "batch", batch)
        assert len([stored async for stored in raw.read()]) == 24
        assert max(sizes) <= 5

    async def test_reads_a_range_by_time(self, raw: RawStream):
        last = await fill(raw, A, 3)
        middle = await raw.last(A)
        await asyncio.sleep(0.01)
        for _ in range(3):
            last = await raw.publish(A, b"y", expect_last=last)
        assert middle is not None
        after = [stored.sequence async for stored in raw.read(start_at=middle.stored_at + 1)]
        assert after == [4, 5, 6]
        before = [stored.sequence async for stored in raw.read(end_at=middle.stored_at + 1)]
        assert before == [1, 2, 3]
        assert [stored async for stored in raw.read(start_at=int((time.time() + 60) * 1e6))] == []

    async def test_reading_ends_at_what_was_there_at_its_start(self, raw: RawStream):
        last = await fill(raw, A, 3)
        seen = []
        async for stored in raw.read():
            last = await raw.publish(A, b"more", expect_last=last)
            seen.append(stored.sequence)
        assert seen == [1, 2, 3]
