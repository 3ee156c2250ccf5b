"""What kill -9 of the ingestion worker does to messages of QoS 2 and QoS 0."""

import time

from system.faults import some_time
from system.harness import Stack, Worker, source
from system.sender import Sender
from system.verify import assert_books_agree, assert_exactly_once, stored_numbers


def start(stack: Stack, qos: int) -> tuple[Worker, Sender]:
    stack.write_config(source("line", stack.broker.port, f"    qos: {qos}\n"))
    stack.telemetry().spawn()
    ingestion = stack.ingestion()
    ingestion.start()
    sender = Sender(stack.broker.port, rate=1000, qos=qos)
    sender.start()
    return ingestion, sender


def test_qos_2_is_stored_exactly_once(stack: Stack, rounds: range) -> None:
    ingestion, sender = start(stack, 2)
    for _ in rounds:
        some_time()
        ingestion.kill()
        some_time()
        ingestion.start()
        time.sleep(0.5)
        assert_exactly_once(stack, sender)
        sender.resume()
    sender.close()


def test_qos_0_loses_what_was_on_its_way_and_doubles_nothing(stack: Stack, rounds: range) -> None:
    ingestion, sender = start(stack, 0)
    for _ in rounds:
        some_time()
        ingestion.kill()
        some_time()
        ingestion.start()
        some_time()
        sender.pause()
        stack.wait_for_drain()
        counts = {number: count for (_, number), count in stored_numbers(stack, "line").items()}
        assert counts.keys() <= sender.acked
        assert set(counts.values()) == {1}
        assert_books_agree(stack)
        sender.resume()
    sender.close()
