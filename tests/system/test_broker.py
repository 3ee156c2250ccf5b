"""Faults at the broker's end: the broker itself dies, other brokers are away, one source floods."""

import socket
import time

import pytest

from servers import free_port, wait_until
from system.faults import FULL_LOAD, some_time
from system.harness import Line, Stack, source
from system.sender import Sender
from system.tap import Tap
from system.verify import assert_books_agree, assert_exactly_once, longest_way_s, settle_deliveries, stored_numbers

STALLED_S = 8.0


def test_what_mosquitto_delivered_before_its_death_is_stored(tap: Tap, line: Line, rounds: range) -> None:
    """mosquitto forgets what it did since its last save: messages it acknowledged, and our PUBACKs. So what we
    acknowledged must be there; with a time of its own once, else at most as often as it was delivered."""
    for _ in rounds:
        some_time()
        line.stack.broker.kill()
        some_time()
        line.stack.broker.start()
        some_time()
        line.sender.pause()
        settle_deliveries(line.stack, tap)
        stored = stored_numbers(line.stack, "line")
        counts = {number: count for (_, number), count in stored.items()}
        assert not tap.acked - counts.keys(), "acknowledged by us and lost"
        assert not counts.keys() - tap.delivered.keys(), "stored and never delivered"
        doubled = [number for number, count in counts.items() if count > 1 and line.sender.has_time(number)]
        assert not doubled, f"stored twice although they bear a time: {doubled[:10]}"
        assert all(count <= tap.delivered[number] for number, count in counts.items())
        assert_books_agree(line.stack)
        line.sender.resume()


def test_a_broker_that_ends_in_order_at_full_load_forgets_nothing(tap: Tap, line: Line, rounds: range) -> None:
    """mosquitto saves all that it has. What the sender may have sent twice may be there twice."""
    for _ in rounds:
        rate, line.sender.rate = line.sender.rate, FULL_LOAD
        some_time()
        line.stack.broker.stop()
        line.stack.broker.start()
        line.sender.rate = rate
        some_time()
        line.sender.pause()
        settle_deliveries(line.stack, tap)
        counts = {number: count for (_, number), count in stored_numbers(line.stack, "line").items()}
        assert not line.sender.acked - counts.keys(), "acknowledged to the sender and lost"
        doubled = {number for number, count in counts.items() if count > 1}
        assert not doubled - line.sender.repeated, f"stored twice: {sorted(doubled - line.sender.repeated)[:10]}"
        assert_books_agree(line.stack)
        line.sender.resume()


def test_brokers_that_hang_or_refuse_stall_no_other_source(stack: Stack) -> None:
    """One broker's port takes connections and never answers, another's refuses them."""
    black_hole = socket.create_server(("127.0.0.1", 0))
    hung, refused = source("hung", black_hole.getsockname()[1]), source("refused", free_port())
    stack.write_config(hung, refused, source("line", stack.broker.port))
    stack.telemetry().start()
    stack.ingestion().start()
    sender = Sender(stack.broker.port, rate=200, burst=1)
    sender.start()
    time.sleep(STALLED_S)
    assert_exactly_once(stack, sender)
    assert longest_way_s(stack, "line") < STALLED_S
    sender.close()
    black_hole.close()


def test_a_source_that_floods_stalls_no_other(stack: Stack) -> None:
    port = stack.broker.port
    stack.write_config(source("line", port), source("flood", port))
    stack.telemetry().start()
    stack.ingestion().start()
    senders = [Sender(port, rate=100, burst=1), Sender(port, "flood", rate=FULL_LOAD, pad_bytes=2000)]
    for sender in senders:
        sender.start()
    for _ in range(3):  # while the flood goes on
        time.sleep(1)
        acked = len(senders[0].acked)
        wait_until(lambda: len(stored_numbers(stack, "line")) >= acked, what="the calm source")  # noqa: B023 - called at once
    assert_exactly_once(stack, *senders)
    for sender in senders:
        sender.close()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("rate", [1500, FULL_LOAD], ids=["filled slowly", "filled at once"])
def test_a_full_stream_stops_intake_and_loses_nothing(stack: Stack, rate: float) -> None:
    """The broker keeps what does not fit; when the telemetry worker comes back, all of it is stored."""
    stack.settings |= {"SENS_RAW_STREAM_MAX_BYTES": f"{16 * 1024 * 1024}", "SENS_MAINTENANCE_EVERY_S": "0.5"}
    ingestion = stack.ingestion()
    ingestion.start()
    sender = Sender(stack.broker.port, rate=rate, pad_bytes=2000)
    sender.start()
    wait_until(lambda: ingestion.metric("sens_ingestion_stream_full_total") > 0, what="the stream to be full")
    some_time()
    stack.telemetry().start()
    assert_exactly_once(stack, sender)
    sender.close()
