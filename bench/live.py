"""Live: the publisher at full speed, and how much of it is stored meanwhile, beside what mosquitto alone passes."""

import time
from dataclasses import asdict
from typing import Any

from bench.figures import Context, Goal, Line, Outcome, per_second
from bench.limits import mosquitto_alone
from bench.load import Tool, publish, published
from bench.messages import UNIFORM_READINGS
from bench.proof import prove, settled_messages, wait_stored
from bench.stack import Stack, start_together, wait_connected
from bench.usage import Meter

# So that series, caches and connections are there: what is measured is what goes on and on.
WARM_UP_MESSAGES = 5_000
MAX_GROWTH_MB = 10
MAX_MEMORY_MB = {"ingestion": 120, "telemetry": 250}


def live(context: Context) -> Outcome:
    """Measure; the limit before and after, because a machine drifts."""
    limit_messages = context.messages * 2 // 5
    before = mosquitto_alone(context, limit_messages)
    with context.stack() as stack:
        raw = _run(stack, context.live_s)
    after = mosquitto_alone(context, limit_messages)
    alone = round((before["messages_per_s"] + after["messages_per_s"]) / 2)
    rate = raw["messages_per_s"]
    lines = [
        Line("mosquitto alone, publisher to reader", alone, "messages/s"),
        Line("live, stored while publishing", rate, "messages/s"),
        Line("live, readings", rate * UNIFORM_READINGS, "readings/s"),
        Line("live, part of mosquitto alone", round(rate / alone, 3), "", Goal(0.8)),
        Line("live, CPU of both workers", worker_cpu(raw["cpu_us_per_message"]), "µs/message", Goal(8, most=True)),
        *memory_lines("live", raw["memory_mb"]),
        *_growth_lines(raw["memory_mb"]),
    ]
    return Outcome(lines, raw | {"mosquitto_alone_before": before, "mosquitto_alone_after": after})


def _run(stack: Stack, seconds: float) -> dict[str, Any]:
    ingestion = stack.ingestion()
    start_together(ingestion, stack.telemetry())
    wait_connected(ingestion)
    with stack.database() as database:
        warm_up = publish(stack.broker.port, WARM_UP_MESSAGES)
        wait_stored(database, warm_up.messages)
        with stack.meter() as meter:
            sent = published(Tool("publish", port=stack.broker.port, seconds=seconds))
            stored, stored_at = settled_messages(database) - warm_up.messages, time.monotonic()
            all_stored_at = wait_stored(database, warm_up.messages + sent.messages)
    stack.stop_workers()
    books = prove(stack, warm_up.expected + sent.expected)
    return {
        "messages_per_s": per_second(stored, stored_at - sent.started_at),
        "messages_per_s_until_all_stored": per_second(sent.messages, all_stored_at - sent.started_at),
        "behind_when_publishing_ended": sent.messages - stored,
        **usage(meter, sent.messages),
        "published": asdict(sent),
        "books": asdict(books),
    }


def usage(meter: Meter, messages: int) -> dict[str, Any]:
    """What the processes took, for the file of results."""
    memory = {name: asdict(memory) for name, memory in meter.memory.items()}
    return {"cpu_us_per_message": meter.us_per_message(messages), "memory_mb": memory}


def worker_cpu(us_per_message: dict[str, float]) -> float:
    """µs a message of all workers."""
    return round(sum(cost for name, cost in us_per_message.items() if name.startswith(("ingestion", "telemetry"))), 2)


def memory_lines(what: str, memory_mb: dict[str, dict[str, float]]) -> list[Line]:
    """Peaks of both workers."""
    return [
        Line(f"{what}, memory of {name}, peak", memory_mb[f"{name}-0"]["peak"], "MB", Goal(most, most=True))
        for name, most in MAX_MEMORY_MB.items()
    ]


def _growth_lines(memory_mb: dict[str, dict[str, float]]) -> list[Line]:
    """Whether memory stays flat; only where the load goes on long enough to tell."""
    goal = Goal(MAX_GROWTH_MB, most=True)
    return [
        Line(f"live, memory of {name}, growth", memory_mb[f"{name}-0"]["growth"], "MB", goal) for name in MAX_MEMORY_MB
    ]
