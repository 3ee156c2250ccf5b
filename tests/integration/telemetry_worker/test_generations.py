"""What was found over one connection is never written over another that may lead to an older copy."""

import json

import pytest

from envelopes import envelope, publish
from sens.decoding.messages import Arrival
from sens.domain.errors import Retry
from sens.telemetry_worker.replay_store import ReplayStore
from sens.telemetry_worker.worker import Worker
from telemetry import House, write


def told(device: str, value: float) -> Arrival:
    return envelope(publish(f"s/{device}/t", json.dumps({"t": value}).encode()))


def settle(worker: Worker) -> int:
    """Settle, again after a Retry as the pipeline does."""
    try:
        return worker.store.settle()
    except Retry:
        return worker.store.settle()


def test_the_first_batch_is_decoded_once(house: House) -> None:
    worker = house.worker()
    assert worker.store.write(worker.decode([told("alice", 1.0)])) is not None


def test_a_batch_that_was_decoded_before_a_restore_is_not_stored_after_it(house: House) -> None:
    worker = house.worker()
    write(worker, told("alice", 1.0))
    bob = told("bob", 2.0)
    decoded = worker.decode([bob])
    house.set_back()
    with pytest.raises(Retry):
        worker.store.write(decoded)
    assert worker.store.write(decoded) is None
    write(worker, told("carol", 3.0), bob)
    assert house.readings() == [("bob", 2.0), ("carol", 3.0)]


def test_what_was_resolved_before_a_restore_is_resolved_again_though_only_the_store_noticed(house: House) -> None:
    worker = house.worker()
    write(worker, told("alice", 1.0), told("bob", 2.0))
    house.set_back()
    with pytest.raises(Retry):
        worker.store.settle()
    write(house.worker(), told("carol", 3.0), told("dave", 4.0))
    write(worker, told("bob", 2.0))
    assert house.readings() == [("bob", 2.0), ("carol", 3.0), ("dave", 4.0)]


def test_a_replay_after_a_restore_writes_into_the_series_of_its_own_device(house: House) -> None:
    worker = house.worker()
    alice, bob = told("alice", 1.0), told("bob", 2.0)
    write(worker, alice, bob)
    house.set_back()
    write(house.worker(), told("carol", 3.0), told("dave", 4.0))
    counts = ReplayStore(worker).replay_envelopes([bob, alice], overwrite=False)
    assert (counts["envelopes"], counts["stored"]) == (2, 2)
    assert house.readings() == [("alice", 1.0), ("bob", 2.0), ("carol", 3.0), ("dave", 4.0)]
    assert house.latest() == house.readings()


def test_a_restore_between_storing_and_settling_is_told_and_falsifies_no_latest_value(house: House) -> None:
    worker = house.worker()
    batch = worker.decode([told("alice", 111.0)])
    assert worker.store.write(batch) is not None
    house.set_back()
    write(house.worker(), told("carol", 5.0))
    assert settle(worker) != batch.generation
    assert house.latest() == house.readings() == [("carol", 5.0)]
