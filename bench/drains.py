"""Drains: messages that wait in the broker, and how fast they are stored once the workers may.

mosquitto is stopped (SIGSTOP) until the workers have started, so that neither time nor CPU counts how
long Python takes to load them.
"""

import signal
import time
from dataclasses import asdict
from typing import Any, NamedTuple

from bench.figures import Context, Goal, Line, Outcome, per_second
from bench.limits import direct_copy
from bench.live import memory_lines, usage, worker_cpu
from bench.load import publish
from bench.messages import MIXED_DEVICES, UNIFORM_DEVICES, UNIFORM_READINGS, Expected
from bench.proof import prove, wait_stored
from bench.publish import Published
from bench.stack import MIXED_RULE, UNIFORM_RULE, Stack, Worker, start_together, wait_connected

# Two workers on two full cores can be as fast as one, within what two runs of one differ by.
NOISE = 0.05


class Announcement(NamedTuple):
    """Messages that were stored before the drain, and how long that took."""

    expected: Expected
    seconds: float


def drain(context: Context) -> Outcome:
    """The uniform drain beside COPY; the limit before and after, because a machine drifts."""
    readings = context.messages * UNIFORM_READINGS
    before = direct_copy(context, readings)
    raw = _drained(context, context.messages)
    after = direct_copy(context, readings)
    limit = round((before["readings_per_s"] + after["readings_per_s"]) / 2)
    rate = raw["readings_per_s"]
    lines = [
        Line("one connection's direct COPY", limit, "readings/s"),
        Line(f"drain of {context.messages:,}", raw["messages_per_s"], "messages/s"),
        Line("drain, readings", rate, "readings/s"),
        Line("drain, part of direct COPY", round(rate / limit, 3), "", Goal(0.7)),
        Line("drain, CPU of both workers", worker_cpu(raw["cpu_us_per_message"]), "µs/message", Goal(5, most=True)),
        *memory_lines("drain", raw["memory_mb"]),
    ]
    return Outcome(lines, raw | {"direct_copy_before": before, "direct_copy_after": after})


def mixed(context: Context) -> Outcome:
    """10,000 devices of all shapes beside as many uniform messages; both drains with devices known before,
    by workers that have just started. What it takes to make them known is told apart."""
    messages = context.messages * 3 // 10
    uniform = _drained(context, messages, announced=UNIFORM_DEVICES)
    raw = _drained(context, messages, kind="mixed", announced=MIXED_DEVICES)
    ratio = raw["messages_per_s"] / uniform["messages_per_s"]
    lines = [
        Line(f"mixed drain of {messages:,}", raw["messages_per_s"], "messages/s"),
        Line("mixed, part of the uniform drain", round(ratio, 3), "", Goal(0.5)),
        Line("mixed, CPU of both workers", worker_cpu(raw["cpu_us_per_message"]), "µs/message"),
        Line(f"mixed, {MIXED_DEVICES:,} new devices until stored", raw["announced_in_s"], "s"),
    ]
    return Outcome(lines, raw | {"uniform": uniform})


def replicas(context: Context) -> Outcome:
    """Two telemetry workers beside one."""
    one = _drained(context, context.messages // 2)
    two = _drained(context, context.messages // 2, replicas=2)
    ratio = two["messages_per_s"] / one["messages_per_s"]
    lines = [
        Line(f"drain of {context.messages // 2:,}, 1 telemetry worker", one["messages_per_s"], "messages/s"),
        Line("the same, 2 telemetry workers", two["messages_per_s"], "messages/s"),
        Line("2 telemetry workers, part of 1", round(ratio, 3), "", Goal(1 - NOISE)),
    ]
    return Outcome(lines, {"one": one, "two": two})


def _drained(
    context: Context, messages: int, *, kind: str = "uniform", replicas: int = 1, announced: int = 0
) -> dict[str, Any]:
    with context.stack(UNIFORM_RULE if kind == "uniform" else MIXED_RULE) as stack:
        workers = [stack.ingestion(), *(stack.telemetry(ordinal) for ordinal in range(replicas))]
        announcement = _announce(stack, workers, kind, announced)
        return _drain(stack, workers, publish(stack.broker.port, messages, kind), announcement)


def _announce(stack: Stack, workers: list[Worker], kind: str, devices: int) -> Announcement:
    """Let ingestion make its session, and so many devices send one message each; then end the workers. From now
    on the broker queues."""
    start_together(*(workers if devices else workers[:1]))
    wait_connected(workers[0])
    sent, seconds = None, 0.0
    if devices:
        started_at = time.monotonic()
        sent = publish(stack.broker.port, devices, "uniform" if kind == "uniform" else "well")
        with stack.database() as database:
            seconds = wait_stored(database, devices) - started_at
    stack.stop_workers()
    return Announcement(sent.expected if sent else Expected(), round(seconds, 3))


def _drain(stack: Stack, workers: list[Worker], sent: Published, announcement: Announcement) -> dict[str, Any]:
    stack.broker.signal(signal.SIGSTOP)
    start_together(*workers)
    expected = announcement.expected + sent.expected
    with stack.database() as database, stack.meter() as meter:
        started_at = time.monotonic()
        stack.broker.signal(signal.SIGCONT)
        seconds = wait_stored(database, expected.messages) - started_at
    batches = [worker.metrics("sens_telemetry_batch") for worker in workers[1:]]
    stack.stop_workers()
    books = prove(stack, expected)
    return {
        "messages_per_s": per_second(sent.messages, seconds),
        "readings_per_s": per_second(sent.expected.readings, seconds),
        "seconds": round(seconds, 3),
        "announced_in_s": announcement.seconds,
        **usage(meter, sent.messages),
        "telemetry_batches": batches,
        "published": asdict(sent),
        "books": asdict(books),
    }
