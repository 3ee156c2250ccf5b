"""The pipeline between a real log and a real database, while things happen to both."""

import asyncio
import json
import threading
from collections.abc import Callable, Sequence

from envelopes import envelope, publish
from sens.decoding.messages import Arrival
from sens.domain.batch import Batch
from sens.runtime.catalogue import Section
from sens.storage.write import WriteResult
from sens.stream.consumer import RawConsumer
from sens.stream.raw import RawStream
from sens.telemetry_worker.pipeline import Pace, Pipeline
from telemetry import House

ACK_WAIT_S = 2.0


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


async def told(raw: RawStream, device: str, value: float) -> Arrival:
    """Put an envelope with one message into the log."""
    arrival = envelope(publish(f"s/{device}/t", json.dumps({"t": value}).encode()))
    tail = await raw.last(arrival.subject)
    await raw.publish(arrival.subject, arrival.data, expect_last=tail.sequence if tail else 0)
    return arrival


def lag_shown_s() -> float:
    return Section.TELEMETRY.registry.get_sample_value("sens_telemetry_lag_seconds") or 0.0


class Run:
    """A worker's pipeline, whose steps a test may wrap."""

    def __init__(self, house: House, raw: RawStream, consumer: RawConsumer, max_batch_bytes: int = 1024 * 1024) -> None:
        self.house = house
        self.consumer = consumer
        self.worker = house.worker(stream=raw)
        self.decode: Callable[[Sequence[Arrival]], Batch] = self.worker.decode
        self.store: Callable[[Batch], WriteResult | None] = self.worker.store.write
        self.settle: Callable[[], int] = self.worker.store.settle
        self.max_batch_bytes = max_batch_bytes
        self.stopping = asyncio.Event()

    async def __aenter__(self) -> "Run":
        pace = Pace(self.max_batch_bytes, 0.01, ACK_WAIT_S)
        self.pipeline = Pipeline(
            self.consumer, self.decode, self.store, self.settle, self.on_stored, pace=pace, stopping=self.stopping
        )
        self.task = asyncio.create_task(self.pipeline.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stopping.set()
        await self.task

    async def on_stored(self, batch: Batch, result: WriteResult) -> None: ...

    async def all_acknowledged(self, sequence: int) -> None:
        for _ in range(3000):
            if (await self.consumer.state()).ack_floor_stream_sequence >= sequence:
                return
            await asyncio.sleep(0.01)
        raise TimeoutError


class Watched(RawConsumer):
    """Notes which envelopes were extended."""

    extensions: list[set[int]]

    async def extend(self, deliveries) -> None:
        some = list(deliveries)
        self.extensions.append({each.sequence for each in some})
        await super().extend(some)

    def times(self, sequence: int) -> int:
        return sum(sequence in each for each in self.extensions)


async def watched(raw: RawStream) -> Watched:
    consumer = await Watched.bind(raw.connection, raw, ack_wait_s=ACK_WAIT_S)
    assert isinstance(consumer, Watched)
    consumer.extensions = []
    return consumer


async def test_what_is_held_longer_than_the_ack_wait_is_not_delivered_again(house: House, raw: RawStream) -> None:
    consumer, may_go_on = await watched(raw), threading.Event()
    run = Run(house, raw, consumer)

    def slow(batch: Batch) -> WriteResult | None:
        may_go_on.wait(60)
        return run.worker.store.write(batch)

    run.store = slow
    for number in range(3):
        await told(raw, f"d{number}", float(number))
    async with run:
        try:
            # Four thirds of the ack wait.
            await until(lambda: consumer.times(1) >= 4)
            assert (await consumer.state()).redelivered == 0
        finally:
            may_go_on.set()
        await run.all_acknowledged(3)
    assert house.readings() == [("d0", 0.0), ("d1", 1.0), ("d2", 2.0)]


async def test_while_a_batch_cannot_be_stored_its_age_shows_and_nothing_of_it_afterwards(
    house: House, raw: RawStream
) -> None:
    consumer, may_go_on = await watched(raw), threading.Event()
    run = Run(house, raw, consumer)

    def away(batch: Batch) -> WriteResult | None:
        may_go_on.wait(60)
        return run.worker.store.write(batch)

    run.store = away
    await told(raw, "d1", 1.0)
    async with run:
        try:
            await until(lambda: run.pipeline.lag_s() > 0)
            before_s = run.pipeline.lag_s()
            await until(lambda: lag_shown_s() > before_s)
        finally:
            may_go_on.set()
        await run.all_acknowledged(1)
        assert run.pipeline.lag_s() == 0
        await until(lambda: lag_shown_s() == 0)


async def test_what_came_too_late_for_a_pull_is_extended_while_there_is_no_room_for_it(
    house: House, raw: RawStream
) -> None:
    consumer, may_go_on = await watched(raw), threading.Event()
    run = Run(house, raw, consumer, max_batch_bytes=1)

    def slow(batch: Batch) -> WriteResult | None:
        may_go_on.wait(60)
        return run.worker.store.write(batch)

    run.store = slow
    for number in range(4):
        await told(raw, f"d{number}", float(number))
    async with run:
        try:
            # One is stored, one decoded, one waits to be: nothing more is pulled.
            await until(lambda: run.pipeline.prefetch.full and consumer.times(3) >= 1)
            late = await consumer.pull(1, 1024 * 1024, 5)
            assert [each.sequence for each in late] == [4]
            consumer._arrived += late  # pyright: ignore[reportPrivateUsage]
            await until(lambda: consumer.times(4) >= 4)
            assert (await consumer.state()).redelivered == 0
        finally:
            may_go_on.set()
        await run.all_acknowledged(4)


async def test_a_batch_that_a_restore_overtakes_is_decoded_again(house: House, raw: RawStream) -> None:
    run = Run(house, raw, await RawConsumer.bind(raw.connection, raw, ack_wait_s=30))
    decoded = list[int]()

    def decode(arrivals: Sequence[Arrival]) -> Batch:
        batch = run.worker.decode(arrivals)
        decoded.append(batch.generation)
        if len(decoded) == 2:
            house.set_back()
            other = house.worker()
            batch_of_carol = other.decode([envelope(publish("s/carol/t", b'{"t": 3}'))])
            other.store.write(batch_of_carol)
        return batch

    run.decode = decode
    async with run:
        await told(raw, "alice", 1.0)
        await run.all_acknowledged(1)
        await told(raw, "bob", 2.0)
        await run.all_acknowledged(2)
    assert decoded[1] < decoded[-1]
    assert house.readings() == [("bob", 2.0), ("carol", 3.0)]


async def test_what_a_restore_took_back_before_it_was_acknowledged_is_stored_again(
    house: House, raw: RawStream
) -> None:
    run = Run(house, raw, await RawConsumer.bind(raw.connection, raw, ack_wait_s=30))
    settled = list[int]()

    def settle() -> int:
        if not settled:
            settled.append(0)
            house.set_back()
        settled.append(run.worker.store.settle())
        return settled[-1]

    run.settle = settle
    await told(raw, "alice", 1.0)
    await told(raw, "bob", 2.0)
    async with run:
        await run.all_acknowledged(2)
    assert house.readings() == house.latest() == [("alice", 1.0), ("bob", 2.0)]
    assert len(house.ledger()) == 2
