"""`sens decode`: what would become of one message, without a server."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sens.cli.errors import WrongArgument
from sens.cli.output import print_json
from sens.cli.times import iso
from sens.decoders.registry import DECODERS
from sens.decoding.trial import Message, Trial, TriedReading, try_message
from sens.sources import Configuration, Source, load


def run(config: Path, source_name: str, topic: str, *, retained: bool) -> int:
    """Decode standard input and print what would become of it.

    Raises:
        InvalidConfiguration: the file cannot be used.
        WrongArgument: no such source, or no topic that a message can have.
    """
    configuration = load(config, DECODERS)
    source = configuration.source(source_name)
    if source is None:
        names = ", ".join(each.name for each in configuration.sources)
        raise WrongArgument(f"--source {source_name}: {config} has no such source, but: {names}")
    if not topic or any(wildcard in topic for wildcard in "+#\0"):
        raise WrongArgument(f"--topic {topic!r}: give the topic of one message, without wildcards")
    if sys.stdin.isatty():
        print("Write the payload, then Ctrl-D.", file=sys.stderr)
    print_json(decode(configuration, source, topic, sys.stdin.buffer.read(), retained=retained))
    return 0


def decode(
    configuration: Configuration, source: Source, topic: str, payload: bytes, *, retained: bool = False
) -> dict[str, Any]:
    """What would become of a message that was received now, as JSON objects."""
    message = Message(topic.encode(errors="surrogateescape"), payload, time.time_ns() // 1000, retained)
    trial = try_message(configuration, source.name, message)
    told = {
        "outcome": trial.outcome.name.lower(),
        "source": source.name,
        "topic": topic,
        "received_at": iso(message.received_at),
    }
    return told | _what(trial)


def _what(trial: Trial) -> dict[str, Any]:
    if trial.reason is not None:
        return {"reason": trial.reason.value, "detail": trial.detail, "meaning": trial.reason.text}
    if trial.ignored is not None:
        return {"reason": trial.ignored.value}
    return {"readings": _readings(trial.readings)}


def _readings(tried: Sequence[TriedReading]) -> list[dict[str, Any]]:
    stored, readings = dict[tuple[object, ...], object](), list[dict[str, Any]]()
    for reading in tried:
        instant = (reading.device, reading.metric, reading.unit, reading.kind, reading.time)
        first = stored.setdefault(instant, reading.value)
        conflict = {} if first == reading.value else {"in_conflict_with": first}
        readings.append(_told(reading) | conflict)
    return readings


def _told(reading: TriedReading) -> dict[str, Any]:
    return {
        "device": reading.device,
        "metric": reading.metric,
        "unit": reading.unit,
        "kind": reading.kind.name.lower(),
        "time": iso(reading.time),
        "value": reading.value,
    }
