"""Races between processes, placed on purpose rather than waited for."""

import random
import signal
import time

import pytest

from servers import wait_until, wait_until_still
from system.faults import some_time
from system.harness import EVERY_DELIVERY, OWNED, Line, Stack, the_one
from system.sender import Sender
from system.tap import Tap
from system.verify import assert_exactly_once


def wait_for_lost_pubacks(tap: Tap, line: Line) -> None:
    """Until messages are on disk whose PUBACKs the broker will never read."""
    tap.lost.clear()
    tap.hold()
    wait_until(lambda: len(tap.lost) > 0, what="PUBACKs to be lost")
    some_time(0.5)
    assert tap.lost - tap.acked


@pytest.mark.parametrize("delivery", EVERY_DELIVERY, ids=str)
def test_messages_whose_puback_died_with_the_worker_are_stored_once(tap: Tap, line: Line, rounds: range) -> None:
    """kill -9 between JetStream's confirmation and PUBACK: the broker delivers them again."""
    for _ in rounds:
        some_time()
        wait_for_lost_pubacks(tap, line)
        line.ingestion.kill()
        tap.release()
        line.ingestion.start()
        time.sleep(0.5)
        assert_exactly_once(line.stack, line.sender)
        assert any(tap.delivered[number] > 1 for number in tap.lost), "nothing was delivered again: the test is wrong"
        line.sender.resume()


def test_messages_whose_puback_died_with_the_connection_are_stored_once(tap: Tap, line: Line, rounds: range) -> None:
    for _ in rounds:
        some_time()
        wait_for_lost_pubacks(tap, line)
        tap.release()
        time.sleep(0.5)
        assert_exactly_once(line.stack, line.sender)
        assert any(tap.delivered[number] > 1 for number in tap.lost), "nothing was delivered again: the test is wrong"
        line.sender.resume()


def test_nothing_is_acknowledged_while_jetstream_cannot_confirm(tap: Tap, line: Line, rounds: range) -> None:
    """NATS stands still and dies: what it never confirmed was never acknowledged, so the broker still has it."""
    for _ in rounds:
        some_time()
        line.stack.nats.signal(signal.SIGSTOP)
        delivered = tap.delivered.total()
        wait_until(lambda: tap.delivered.total() > delivered, what="further messages")  # noqa: B023 - called at once
        acked = wait_until_still(lambda: len(tap.acked), what="the acknowledgement of what was confirmed before")
        some_time()
        assert len(tap.acked) == acked, "acknowledged what is not on disk"
        line.ingestion.kill()
        line.stack.nats.kill()
        line.stack.nats.start()
        line.ingestion.start()
        time.sleep(0.5)
        assert_exactly_once(line.stack, line.sender)
        line.sender.resume()


def test_a_connection_that_breaks_again_and_again_doubles_nothing(tap: Tap, line: Line, rounds: range) -> None:
    for _ in rounds:
        for _ in range(5):
            some_time(0.7)
            tap.cut()
        assert_exactly_once(line.stack, line.sender)
        line.sender.resume()


def test_a_worker_killed_again_before_redelivery_has_ended_doubles_nothing(tap: Tap, line: Line, rounds: range) -> None:
    """The second life has acknowledged a part of what the first one stored, and dies."""
    for _ in rounds:
        some_time()
        wait_for_lost_pubacks(tap, line)
        line.ingestion.kill()
        tap.release()
        delivered = tap.delivered.total()
        line.ingestion.spawn()
        wait_until(lambda: tap.delivered.total() > delivered, what="redelivery")  # noqa: B023 - called at once
        time.sleep(random.uniform(0, 0.02))
        line.ingestion.kill()
        line.ingestion.start()
        time.sleep(0.5)
        assert_exactly_once(line.stack, line.sender)
        line.sender.resume()


def test_an_owner_that_wakes_up_late_is_fenced(line: Line, rounds: range) -> None:
    """SIGSTOP for longer than its lease: another takes over, and nothing that the first one held is doubled."""
    workers = [line.ingestion, line.stack.ingestion(1)]
    workers[1].start()
    for _ in rounds:
        owner = the_one(workers, OWNED)
        others = [worker for worker in workers if worker is not owner]
        some_time()
        owner.signal(signal.SIGSTOP)
        the_one(others, OWNED)
        some_time()
        owner.signal(signal.SIGCONT)
        some_time()
        assert_exactly_once(line.stack, line.sender)
        wait_until(lambda: sum(worker.metric(OWNED) for worker in workers) == 1, what="a single owner")
        line.sender.resume()


def test_two_owners_that_fight_over_a_source_double_nothing(stack: Stack, rounds: range) -> None:
    """Two workers of the same name believe in the same lease: only the fence is between them."""
    first = stack.ingestion()
    second = stack.worker("mqtt-ingestion-worker", "twin", SENS_INSTANCE=first.name)
    stack.telemetry().spawn()
    first.start()
    sender = Sender(stack.broker.port, rate=500)
    sender.start()
    for _ in rounds:
        second.start()
        time.sleep(random.uniform(2, 4))
        second.kill()
        time.sleep(1)
        assert_exactly_once(stack, sender)
        sender.resume()
    sender.close()
