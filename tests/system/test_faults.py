"""Whatever dies on our side of the broker: what it acknowledged to the sender is stored exactly once.

Each fault happens under load, at random moments, to real processes and real servers. SENS_SOAK=1: 20 times
each, and servers stay away for 30 s instead of 5. SENS_FAULT_ROUNDS: so many times each.
"""

import time

import pytest

from servers import wait_until, wait_until_still
from system.faults import FAULTS, OTHER_FAULTS, Fault, some_time
from system.harness import OTHER_DELIVERIES, Delivery, Line
from system.verify import assert_books_agree, assert_exactly_once, read_books, stored_numbers


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.__name__ for fault in FAULTS])
def test_everything_is_stored_exactly_once_after(fault: Fault, line: Line, rounds: range) -> None:
    for _ in rounds:
        some_time()
        fault(line)
        time.sleep(0.5)
        assert_exactly_once(line.stack, line.sender)
        line.sender.resume()


@pytest.mark.parametrize("delivery", OTHER_DELIVERIES, ids=str)
@pytest.mark.parametrize("fault", OTHER_FAULTS, ids=[fault.__name__ for fault in OTHER_FAULTS])
def test_messages_of_another_qos_or_mqtt_version_are_stored_exactly_once_after(
    fault: Fault, line: Line, rounds: range
) -> None:
    test_everything_is_stored_exactly_once_after(fault, line, rounds)


@pytest.mark.parametrize("delivery", [Delivery(qos=0)], ids=str)
def test_messages_with_qos_0_are_stored_at_most_once(line: Line, rounds: range) -> None:
    """A crash loses what was in memory: that is all that it does."""
    for _ in rounds:
        for fault in OTHER_FAULTS:
            some_time()
            before = len(stored_numbers(line.stack, "line"))
            fault(line)
            line.stack.wait_for_servers()
            wait_until(lambda: len(stored_numbers(line.stack, "line")) > before, what="later messages")  # noqa: B023 - called at once
        line.sender.pause()
        line.stack.wait_for_drain()
        wait_until_still(lambda: read_books(line.stack).messages, still_s=3, what="the ledger")
        stored = stored_numbers(line.stack, "line")
        assert set(stored.values()) == {1}
        assert {number for _, number in stored} <= set(range(line.sender.sent))
        assert_books_agree(line.stack)
        line.sender.resume()


def test_the_ledger_balances_at_every_moment(line: Line, rounds: range) -> None:
    """Also while everything runs, and while workers die."""
    for _ in rounds:
        for worker in (line.ingestion, line.telemetry):
            worker.kill()
            worker.spawn()
            for _ in range(10):
                some_time(0.3)
                ledger = line.stack.ledger()["total"]
                settled = ledger["decoded"] + ledger["ignored"] + ledger["quarantined"]
                assert ledger["balanced"], ledger
                assert ledger["received"] == settled + ledger["pending"], ledger
        assert_exactly_once(line.stack, line.sender)
        line.sender.resume()
