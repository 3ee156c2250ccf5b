"""The durable consumer of raw envelopes."""

import asyncio
import contextlib
import time

import pytest

from sens.domain.envelope import subject
from sens.stream.consumer import RawConsumer
from sens.stream.errors import StreamAway, StreamMissing, StreamRefused
from sens.stream.raw import RawStream, RawStreamSettings
from sens.stream.streamlog import call
from servers import Nats

MIB = 1024 * 1024
A = subject("plant-a", "s1")
LONG_S, PATIENCE_S = 600.0, 30.0
"""What would wait for LONG_S has not waited if it is there within PATIENCE_S, on a busy machine as well."""


async def fill(raw: RawStream, n: int, data: bytes = b"x") -> None:
    tail = await raw.last(A)
    last = tail.sequence if tail else 0
    for _ in range(n):
        last = await raw.publish(A, data, expect_last=last)


async def bind(raw: RawStream, **options) -> RawConsumer:
    return await RawConsumer.bind(raw.connection, raw, **options)


async def floor_reaches(consumer: RawConsumer, sequence: int) -> None:
    for _ in range(500):
        if (await consumer.state()).ack_floor_stream_sequence >= sequence:
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


async def test_a_pull_returns_at_once_with_the_few_that_wait(raw: RawStream):
    consumer = await bind(raw)
    await fill(raw, 3, b"data")
    batch = await asyncio.wait_for(consumer.pull(1000, 8 * MIB, wait_s=LONG_S), PATIENCE_S)
    assert [(each.sequence, each.subject, each.data, each.delivered) for each in batch] == [
        (i, A, b"data", 1) for i in (1, 2, 3)
    ]
    assert all(abs(each.timestamp / 1e6 - time.time()) < 60 for each in batch)


async def test_a_pull_fills_up_to_its_number_when_many_wait(raw: RawStream):
    consumer = await bind(raw)
    await fill(raw, 250)
    taken = [[each.sequence for each in await consumer.pull(100, 8 * MIB, wait_s=5)] for _ in range(3)]
    assert taken == [list(range(1, 101)), list(range(101, 201)), list(range(201, 251))]


async def test_a_pull_stays_within_its_bytes(raw: RawStream):
    consumer = await bind(raw)
    await fill(raw, 10, bytes(256 * 1024))
    sizes = []
    while sum(sizes) < 10:
        batch = await consumer.pull(1000, MIB, wait_s=5)
        assert sum(len(each.data) for each in batch) <= MIB
        sizes.append(len(batch))
        await consumer.ack(batch)
    assert max(sizes) == 3  # and headers: a fourth would exceed the limit


async def test_an_envelope_above_the_limit_in_bytes_comes_alone(raw: RawStream):
    consumer = await bind(raw)
    await fill(raw, 2, bytes(2 * MIB))
    batch = await consumer.pull(1000, MIB, wait_s=5)
    assert [len(each.data) for each in batch] == [2 * MIB]


async def test_a_pull_waits_for_the_first_and_then_does_not_wait_on(raw: RawStream):
    consumer = await bind(raw)
    pulling = asyncio.create_task(consumer.pull(1000, 8 * MIB, wait_s=LONG_S))
    await asyncio.sleep(0.3)
    assert not pulling.done()
    await fill(raw, 1)
    assert [each.sequence for each in await asyncio.wait_for(pulling, PATIENCE_S)] == [1]


async def test_a_pull_of_nothing_is_empty_after_its_wait(raw: RawStream):
    consumer = await bind(raw)
    started = time.monotonic()
    assert await asyncio.wait_for(consumer.pull(10, MIB, wait_s=0.5), PATIENCE_S) == []
    assert time.monotonic() - started > 0.4


async def test_what_is_acknowledged_never_comes_again_and_the_rest_does(raw: RawStream):
    consumer = await bind(raw, ack_wait_s=1)
    await fill(raw, 4)
    batch = await consumer.pull(10, MIB, wait_s=5)
    assert (await consumer.state()).ack_pending == 4
    await consumer.ack([batch[0], batch[1], batch[3]])
    await floor_reaches(consumer, 2)
    again = await consumer.pull(10, MIB, wait_s=5)
    assert [(each.sequence, each.delivered) for each in again] == [(3, 2)]
    assert (await consumer.state()).redelivered == 1
    await consumer.ack(again)
    await floor_reaches(consumer, 4)
    assert (await consumer.state()) == (0, 0, 0, 4)


async def test_what_is_extended_is_not_given_to_others(raw: RawStream):
    ack_wait_s = 3.0
    worker, other = await bind(raw, ack_wait_s=ack_wait_s), await bind(raw, ack_wait_s=ack_wait_s)
    await fill(raw, 2)
    batch = await worker.pull(10, MIB, wait_s=PATIENCE_S)

    async def extend() -> None:
        while True:
            await worker.extend(batch)
            await asyncio.sleep(0.1)

    extending = asyncio.create_task(extend())
    assert await other.pull(10, MIB, wait_s=1.5 * ack_wait_s) == []
    extending.cancel()
    assert [each.sequence for each in await other.pull(10, MIB, wait_s=PATIENCE_S)] == [1, 2]


async def test_two_workers_share_the_work(raw: RawStream):
    workers = [await bind(raw), await bind(raw)]
    await fill(raw, 200)
    taken: list[int] = []

    async def work(worker: RawConsumer) -> None:
        while batch := await worker.pull(20, MIB, wait_s=0.5):
            taken.extend(each.sequence for each in batch)
            await worker.ack(batch)

    await asyncio.gather(*(work(worker) for worker in workers))
    assert sorted(taken) == list(range(1, 201))


async def test_many_idle_workers_and_a_full_ack_window_do_not_spin(raw: RawStream):
    holder, waiting = await bind(raw, max_ack_pending=2), await bind(raw, max_ack_pending=2)
    await fill(raw, 5)
    # Nor are the two held back until others may follow.
    held = await asyncio.wait_for(holder.pull(10, MIB, wait_s=LONG_S), PATIENCE_S)
    assert len(held) == 2
    started = time.monotonic()
    first, second = await asyncio.gather(waiting.pull(10, MIB, wait_s=1), holder.pull(10, MIB, wait_s=1))
    assert first == second == []
    assert time.monotonic() - started > 0.8
    await holder.ack(held)
    later = await holder.pull(10, MIB, wait_s=1) + await waiting.pull(10, MIB, wait_s=1)
    assert [each.sequence for each in later] == [3, 4]


async def test_limits_of_an_existing_consumer_are_updated_and_its_place_kept(raw: RawStream):
    consumer = await bind(raw)
    await fill(raw, 3)
    await consumer.ack(await consumer.pull(2, MIB, wait_s=5))
    await floor_reaches(consumer, 2)
    again = await bind(raw, ack_wait_s=5, max_ack_pending=7)
    assert [each.sequence for each in await again.pull(10, MIB, wait_s=5)] == [3]


@pytest.mark.parametrize("pause_s", [0.001, 0.002, 0.005, 0.01])
async def test_what_is_on_its_way_when_a_pull_is_given_up_is_given_back(raw: RawStream, pause_s: float):
    first, second = await bind(raw, ack_wait_s=LONG_S), await bind(raw, ack_wait_s=LONG_S)
    await fill(raw, 60, bytes(32 * 1024))
    pulling = asyncio.create_task(first.pull(60, 8 * MIB, wait_s=5))
    await asyncio.sleep(pause_s)
    pulling.cancel()
    await asyncio.wait({pulling})
    taken = [] if pulling.cancelled() else pulling.result()
    await first.release_all()
    await first.release(taken)
    seen: set[int] = set()
    async with asyncio.timeout(PATIENCE_S):  # far below ack_wait
        while len(seen) < 60:
            seen |= {each.sequence for each in await second.pull(60, 8 * MIB, wait_s=0.5)}


async def test_a_pull_after_giving_all_back_takes_again(raw: RawStream):
    consumer = await bind(raw)
    await fill(raw, 2)
    assert len(await consumer.pull(1, MIB, wait_s=5)) == 1
    await consumer.release_all()
    await fill(raw, 1)
    assert len(await consumer.pull(10, MIB, wait_s=5)) >= 2


async def test_a_consumer_of_another_kind_is_refused(raw: RawStream):
    config = {"durable_name": "telemetry", "ack_policy": "none", "deliver_subject": "elsewhere"}
    body = {"stream_name": raw.name, "config": config, "action": ""}
    await call(raw.connection, f"CONSUMER.CREATE.{raw.name}.telemetry", body, dict)
    with pytest.raises(StreamRefused):
        await bind(raw)


async def test_a_consumer_deleted_between_pulls_is_made_again(raw: RawStream):
    consumer = await bind(raw)
    await fill(raw, 2)
    await call(raw.connection, f"CONSUMER.DELETE.{raw.name}.telemetry", {}, dict)
    assert await consumer.pull(10, MIB, wait_s=1) == []
    assert len(await consumer.pull(10, MIB, wait_s=5)) == 2


async def test_a_consumer_deleted_during_a_pull_is_made_again(raw: RawStream):
    consumer = await bind(raw)
    pulling = asyncio.create_task(consumer.pull(10, MIB, wait_s=LONG_S))
    await asyncio.sleep(0.2)
    await call(raw.connection, f"CONSUMER.DELETE.{raw.name}.telemetry", {}, dict)
    with contextlib.suppress(StreamAway):  # the server may still be removing the old one's files
        assert await asyncio.wait_for(pulling, PATIENCE_S) == []
    await fill(raw, 2)
    # The first attempt may still have met the consumer that was going.
    batches = [await consumer.pull(10, MIB, wait_s=1) for _ in range(3)]
    assert sorted(each.sequence for batch in batches for each in batch) == [1, 2]


async def test_a_stream_deleted_while_it_runs_is_told(raw: RawStream):
    consumer = await bind(raw)
    await call(raw.connection, f"STREAM.DELETE.{raw.name}", {}, dict)
    with pytest.raises(StreamMissing):
        await consumer.pull(10, MIB, wait_s=1)
    with pytest.raises(StreamMissing):
        await consumer.state()
    await raw.refresh()
    await consumer.pull(10, MIB, wait_s=1)
    await fill(raw, 1)
    assert len(await consumer.pull(10, MIB, wait_s=5)) == 1


async def test_a_kill_of_the_server_loses_no_envelope_and_acks_go_on_after_it(own_nats: Nats, connect_to, until):
    connection = await connect_to(own_nats)
    raw = await RawStream.ensure(connection, RawStreamSettings(max_bytes=64 * MIB))
    consumer = await bind(raw, ack_wait_s=1)
    await fill(raw, 6)
    before = await consumer.pull(4, MIB, wait_s=5)
    await consumer.ack(before[:1])
    await floor_reaches(consumer, 1)
    pulling = asyncio.create_task(consumer.pull(10, MIB, wait_s=30))
    assert len(await pulling) == 2
    pulling = asyncio.create_task(consumer.pull(10, MIB, wait_s=LONG_S))
    await asyncio.sleep(0.1)
    own_nats.kill()
    with pytest.raises(StreamAway):
        await asyncio.wait_for(pulling, PATIENCE_S)
    await consumer.ack(before[1:2])  # goes nowhere, and does not raise
    own_nats.start()
    await until(lambda: connection.connected)
    await consumer.ack(before[2:3])
    seen: set[int] = set()
    async with asyncio.timeout(PATIENCE_S):
        while (await consumer.state()).ack_floor_stream_sequence < 6:
            batch = await consumer.pull(10, MIB, wait_s=0.5)
            seen |= {each.sequence for each in batch}
            await consumer.ack(batch)
    # 1 may come again, too: the server keeps what was acknowledged in memory for a moment before it is on disk.
    assert seen >= {2, 4, 5, 6}
