"""What leaves the raw stream, and what never does."""

import pytest

from raw_log import Log
from sens.stream.raw import RawStream
from sens.telemetry_worker.clock import now_us
from sens.telemetry_worker.purge import first_sequences, is_filling, purge

LATER = 3_600_000_000
BODY = bytes(1_000_000)


async def fill(log: Log, part: float) -> None:
    while (await log.stream.state()).fill < part:
        await log.publish("plant-a", body=BODY)


async def test_what_is_not_consumed_stays(log: Log) -> None:
    sequences = [await log.publish("plant-a", settled=n) for n in range(5)]
    await log.consume(2)
    assert await purge(log.stream, sequences[1], now_us() + LATER) == 2
    assert await log.held("plant-a") == sequences[2:]


async def test_what_is_within_the_replay_window_stays(log: Log) -> None:
    sequences = [await log.publish("plant-a", settled=n) for n in range(3)]
    middle = (await log.stream.get(sequences[1])) or pytest.fail("it is there")
    assert await purge(log.stream, sequences[-1], middle.stored_at) == 1
    assert await log.held("plant-a") == sequences[1:]


async def test_what_the_broker_may_deliver_again_stays_and_so_does_a_subjects_last_envelope(log: Log) -> None:
    unsettled = [await log.publish("plant-a", settled=2) for _ in range(5)]
    settled = [await log.publish("plant-b", settled=n) for n in range(5)]
    assert await purge(log.stream, settled[-1], now_us() + LATER) == 1 + 3
    # From the last settled one on: an owner reads back to it.
    assert await log.held("plant-a") == unsettled[1:]
    assert await log.held("plant-b") == settled[3:]
    idle = await log.publish("plant-c", settled=1)
    assert await purge(log.stream, idle, now_us() + LATER) == 0
    assert await first_sequences(log.stream) == {
        ("plant-a", "exclusive"): unsettled[1],
        ("plant-b", "exclusive"): settled[3],
        ("plant-c", "exclusive"): idle,
    }


async def test_a_subject_with_one_envelope_costs_no_question_of_its_own(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequences = [await log.publish(f"done-{n}", settled=n) for n in range(5)]

    async def ask(*_: object, **__: object) -> None:
        pytest.fail("asked for one subject")

    for question in ("last", "purge"):
        monkeypatch.setattr(log.stream, question, ask)
    assert await purge(log.stream, sequences[-1], now_us() + LATER) == 0
    monkeypatch.setattr(RawStream, "read", ask)
    assert await first_sequences(log.stream) == {
        (f"done-{n}", "exclusive"): sequence for n, sequence in enumerate(sequences)
    }


async def test_a_stream_that_fills_gives_up_the_replay_window_but_not_what_may_be_delivered_again(log: Log) -> None:
    for n in range(3):
        await log.publish("plant-b", settled=n)
    await fill(log, 0.5)
    assert not await is_filling(log.stream)
    assert await purge(log.stream, 10**9, 0) == 0
    await fill(log, 0.81)
    assert await is_filling(log.stream)
    held = await log.held("plant-a")
    assert await purge(log.stream, 10**9, 0) == 1
    assert await log.held("plant-a") == held


async def test_a_stream_that_is_nearly_full_gives_up_that_too_but_never_what_is_not_consumed(log: Log) -> None:
    await fill(log, 0.91)
    held = await log.held("plant-a")
    assert await purge(log.stream, held[9], 0) == 10
    assert await log.held("plant-a") == held[10:]
