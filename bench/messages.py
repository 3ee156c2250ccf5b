"""The messages that are measured with, and what must become of each of them.

Uniform: 1,000 devices, all of the same shape: 3 numbers, 88 bytes as a packet. Mixed: 10,000 devices;
a device's number decides what it sends.
"""

import json
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

from bench.packets import STAMP_DIGITS

UNIFORM_DEVICES = 1_000
UNIFORM_READINGS = 3
DEVICE = "dev-{:04}"
MIXED_DEVICES = 10_000
SOURCE = "bench"
# The metric whose value is the time of sending, in µs since 1970 UTC.
STAMP = "sent"
FILTER = f"{SOURCE}/+/telemetry"

HOUR_US = 3_600_000_000
LATE_BY_US = 2 * HOUR_US
# How far apart a message and its repetition are: not in one envelope.
REPEATED_AFTER = 5_000
_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBERS = '"temperature":{:06.3f},"humidity":{:06.3f},"battery":{:07.5f}'


@dataclass(frozen=True, slots=True)
class Expected:
    """What the books must say in the end. `readings` are decoded ones, duplicates included."""

    decoded: int = 0
    quarantined: int = 0
    readings: int = 0
    duplicates: int = 0

    @property
    def messages(self) -> int:
        return self.decoded + self.quarantined

    def __add__(self, other: "Expected") -> "Expected":
        mine, theirs = asdict(self), asdict(other)
        return Expected(**{name: mine[name] + theirs[name] for name in mine})


@dataclass(slots=True)
class Messages:
    """N messages as columns."""

    topics: list[bytes] = field(default_factory=list[bytes])
    payloads: list[bytes] = field(default_factory=list[bytes])
    expected: Expected = field(default_factory=Expected)

    def __len__(self) -> int:
        return len(self.topics)


def topic(device: str) -> bytes:
    return f"{SOURCE}/{device}/telemetry".encode()


def uniform_expected(messages: int) -> Expected:
    """What must become of so many uniform messages."""
    return Expected(decoded=messages, readings=UNIFORM_READINGS * messages)


def uniform(count: int, seed: int = 1) -> Messages:
    """Messages without a time of their own, one device after the other; each may be sent again and again."""
    chance = random.Random(seed)
    topics = [topic(DEVICE.format(number)) for number in range(UNIFORM_DEVICES)]
    return Messages(
        [topics[number % UNIFORM_DEVICES] for number in range(count)],
        [f"{{{_numbers(chance)}}}".encode() for _ in range(count)],
        uniform_expected(count),
    )


def stamped(count: int, seed: int = 1) -> Messages:
    """As uniform ones, but that the third number is the time of sending: the ring puts it in."""
    messages = uniform(count, seed)
    numbers = [payload.rpartition(b":")[0].replace(b"battery", STAMP.encode()) for payload in messages.payloads]
    messages.payloads = [b"%s:%s}" % (each, b"0" * STAMP_DIGITS) for each in numbers]
    return messages


def _numbers(chance: random.Random) -> str:
    return _NUMBERS.format(15 + 10 * chance.random(), 40 + 20 * chance.random(), 3 + chance.random())


def mixed(count: int, now_us: int, seed: int = 1, *, trouble: bool = True) -> Messages:
    """Of 20 devices, 8 send flat objects, 5 nested ones, 3 texts as well, 4 a time of their own (as µs or
    ISO 8601). 1 message in 100 is undecodable, 1 a repetition, 5 are hours late; none without `trouble`.

    Times are unique, so that the only duplicates are the repetitions: none of these may be sent again.
    """
    return _Mixer(now_us, random.Random(seed), trouble).mix(count)


class _Mixer:
    def __init__(self, now_us: int, chance: random.Random, trouble: bool) -> None:
        self.now_us = now_us
        self.chance = chance
        self.trouble = trouble
        self.timed = list[tuple[int, bytes, bytes]]()  # number, topic, payload; not repeated yet, oldest first
        self.repeatable = 0

    def mix(self, count: int) -> Messages:
        messages, quarantined, duplicates = Messages(), 0, 0
        for number in range(count):
            dice = self.chance.random() if self.trouble else 1.0
            if dice < 0.01:
                name, payload = topic(f"mix-{number % MIXED_DEVICES:05}"), b'{"temperature":21.5,"humid'
                quarantined += 1
            elif dice < 0.02 and (repeated := self._repetition(number)):
                name, payload = repeated
                duplicates += UNIFORM_READINGS
            else:
                name, payload = self._message(number)
            messages.topics.append(name)
            messages.payloads.append(payload)
        decoded = count - quarantined
        messages.expected = Expected(decoded, quarantined, UNIFORM_READINGS * decoded, duplicates)
        return messages

    def _message(self, number: int) -> tuple[bytes, bytes]:
        device = number % MIXED_DEVICES
        name = topic(f"mix-{device:05}")
        if device % 20 < 16:
            return name, _shape(device)(self.chance).encode()
        at = self.now_us - HOUR_US // 60 + number
        late = self.trouble and self.chance.random() < 0.25
        payload = _timed(self.chance, at - LATE_BY_US if late else at, iso=device % 2 == 1).encode()
        if not late:
            self.timed.append((number, name, payload))
        return name, payload

    def _repetition(self, number: int) -> tuple[bytes, bytes] | None:
        if self.repeatable >= len(self.timed) or self.timed[self.repeatable][0] + REPEATED_AFTER > number:
            return None
        _, name, payload = self.timed[self.repeatable]
        self.repeatable += 1
        return name, payload


def _flat(chance: random.Random) -> str:
    return f"{{{_numbers(chance)}}}"


def _nested(chance: random.Random) -> str:
    air = {"temperature": round(15 + 10 * chance.random(), 3), "humidity": round(40 + 20 * chance.random(), 2)}
    return json.dumps({"air": air, "power": {"battery": {"voltage": round(3 + chance.random(), 4)}}})


def _with_text(chance: random.Random) -> str:
    state = chance.choice(("running", "idle", "fault"))
    return json.dumps({"state": state, "temperature": round(20 * chance.random(), 3), "door": chance.random() < 0.5})


def _timed(chance: random.Random, at_us: int, *, iso: bool) -> str:
    time = f'"{_1970 + timedelta(microseconds=at_us):%Y-%m-%dT%H:%M:%S.%fZ}"' if iso else f"{at_us}"
    return f'{{"ts":{time},{_numbers(chance)}}}'


def _shape(device: int) -> Callable[[random.Random], str]:
    kind = device % 20
    if kind < 8:
        return _flat
    return _nested if kind < 13 else _with_text
