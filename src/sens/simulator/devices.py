"""What the simulated devices send: pure and reproducible, a function of the seed and the times asked for.

Most devices report flat numbers. Some differ, so that a fresh installation shows what the platform
takes: power meters nest their JSON, machines report a text and a boolean, trackers stamp their
messages with a time of their own.
"""

import math
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

US_PER_MS = 1_000
DAY_US = 24 * 3600 * 1_000_000

_encode = msgspec.json.Encoder().encode


class Message(NamedTuple):
    """A message to publish."""

    topic: str
    payload: bytes


class Walk:
    """A random walk that is drawn back to zero, so that it stays near it for ever."""

    def __init__(self, rng: random.Random, step: float, pull: float = 0.02) -> None:
        self._rng = rng
        self._step = step
        self._keep = 1 - pull
        # Begin where the walk would be after a long time, not all at zero.
        self.value = rng.gauss(0, step / math.sqrt(2 * pull))

    def advance(self) -> float:
        self.value = self.value * self._keep + self._rng.gauss(0, self._step)
        return self.value


def daily_wave(time: int, peak_hour: float = 15.0) -> float:
    """-1 to 1 over a day of UTC, highest at `peak_hour`. `time` in µs since 1970 UTC."""
    return math.cos(2 * math.pi * (time / DAY_US - peak_hour / 24))


class _Battery:
    """Loses charge slowly and is replaced when it is nearly empty."""

    def __init__(self, rng: random.Random) -> None:
        self._percent = rng.uniform(40, 100)
        self._loss_percent = rng.uniform(0.0005, 0.002)

    def advance(self) -> float:
        self._percent -= self._loss_percent
        if self._percent < 5:
            self._percent = 100.0
        return round(self._percent, 2)


class Climate:
    """A room sensor: temperature, humidity, battery."""

    kind = "climate"

    def __init__(self, rng: random.Random) -> None:
        self._mean_celsius = rng.uniform(18, 23)
        self._swing_celsius = rng.uniform(1, 4)
        self._temperature = Walk(rng, 0.05)
        self._humidity = Walk(rng, 0.3)
        self._battery = _Battery(rng)

    def read(self, time: int) -> dict[str, Any]:
        wave = daily_wave(time)
        humidity = 50 - 8 * wave + self._humidity.advance()
        return {
            "temperature": round(self._mean_celsius + self._swing_celsius * wave + self._temperature.advance(), 2),
            "humidity": round(min(max(humidity, 5.0), 98.0), 1),
            "battery": self._battery.advance(),
        }


class Meter:
    """A three-phase power meter: nested JSON, and a counter that only grows."""

    kind = "meter"

    def __init__(self, rng: random.Random) -> None:
        self._loads = [Walk(rng, 20) for _ in range(3)]
        self._mean_watts = rng.uniform(200, 900)
        self._volts = Walk(rng, 0.2)
        self._energy_wh = rng.uniform(1e6, 9e6)

    def read(self, time: int) -> dict[str, Any]:
        mean = self._mean_watts * (1.2 + 0.5 * daily_wave(time, peak_hour=19))
        watts = [round(max(mean + load.advance(), 0.0), 1) for load in self._loads]
        self._energy_wh += sum(watts) / 3600
        return {
            "voltage": round(230 + self._volts.advance(), 1),
            "power": {"l1": watts[0], "l2": watts[1], "l3": watts[2]},
            "energy": {"total_wh": round(self._energy_wh, 1)},
        }


class Machine:
    """A machine: a text status and a boolean beside its numbers."""

    kind = "machine"

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._status = rng.choice(["idle", "running"])
        self._vibration = Walk(rng, 0.1)
        self._heat = Walk(rng, 0.3)

    def read(self, time: int) -> dict[str, Any]:
        chance = self._rng.random()
        if chance < 0.002:
            self._status = "fault"
        elif chance < 0.02:
            self._status = "idle" if self._status == "running" else "running"
        running = self._status == "running"
        return {
            "status": self._status,
            "door_open": self._status == "fault",
            "speed_rpm": round(1450 + self._rng.gauss(0, 4), 1) if running else 0.0,
            "vibration_mm_s": round(abs(self._vibration.advance()) + (1.5 if running else 0.0), 3),
            "bearing_temperature": round((55 if running else 30) + self._heat.advance() + daily_wave(time), 2),
        }


class Tracker:
    """A vehicle on its round, which stamps each message itself: `ts`, in ms since 1970 UTC."""

    kind = "tracker"

    def __init__(self, rng: random.Random) -> None:
        self._latitude = rng.uniform(47, 54)
        self._longitude = rng.uniform(7, 14)
        self._wander = Walk(rng, 0.0005)
        self._speed = Walk(rng, 2)
        self._battery = _Battery(rng)
        self._last_ms = 0

    def read(self, time: int) -> dict[str, Any]:
        # Two messages of one device with one time would be a conflict: the clock always moves on.
        self._last_ms = max(time // US_PER_MS, self._last_ms + 1)
        angle = 2 * math.pi * time / (DAY_US / 24)
        return {
            "ts": self._last_ms,
            "position": {
                "lat": round(self._latitude + 0.05 * math.sin(angle) + self._wander.advance(), 6),
                "lon": round(self._longitude + 0.05 * math.cos(angle), 6),
            },
            "speed_km_h": round(max(40 + self._speed.advance(), 0.0), 1),
            "battery": self._battery.advance(),
        }


_KINDS: tuple[type[Climate] | type[Meter] | type[Machine] | type[Tracker], ...] = (
    Climate, Meter, Climate, Machine, Climate, Tracker, Climate, Meter, Climate, Climate,
)  # fmt: skip
"""What the first ten devices are, and each ten after them."""


class Fleet:
    """All devices of a simulation, which send in turn."""

    def __init__(self, devices: int, seed: int) -> None:
        self._topics: list[str] = []
        self._reads: list[Callable[[int], dict[str, Any]]] = []
        for index in range(devices):
            make = _KINDS[index % len(_KINDS)]
            # A generator each: what a device sends does not depend on how many others there are.
            device = make(random.Random(f"{seed}/{index}"))  # noqa: S311 - no secret is made of it
            self._topics.append(f"sens/{device.kind}-{index + 1:04d}/telemetry")
            self._reads.append(device.read)
        self._next = 0

    def messages(self, count: int, time: int) -> list[Message]:
        """The next `count` messages, sent at `time` (µs since 1970 UTC)."""
        result: list[Message] = []
        for _ in range(count):
            index = self._next
            result.append(Message(self._topics[index], _encode(self._reads[index](time))))
            self._next = (index + 1) % len(self._topics)
        return result
