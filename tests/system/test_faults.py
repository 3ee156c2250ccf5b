"""Whatever dies on our side of the broker: what it acknowledged to the sender is stored exactly once.

Each fault happens under load, at random moments, to real processes and real servers. SENS_SOAK=1: 20 times
each, and servers stay away for 30 s instead of 5. SENS_FAULT_ROUNDS: so many times each.
"""

import time

import pytest

from system.faults import FAULTS, Fault, some_time
from system.harness import Line
from system.verify import assert_exactly_once


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.__name__ for fault in FAULTS])
def test_everything_is_stored_exactly_once_after(fault: Fault, line: Line, rounds: range) -> None:
    for _ in rounds:
        some_time()
        fault(line)
        time.sleep(0.5)
        assert_exactly_once(line.stack, line.sender)
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
