"""A simulation's course: as many messages as the rate allows, until it is stopped."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from sens.simulator.devices import Fleet
from sens.simulator.pacing import TokenBucket
from sens.simulator.publisher import Publisher
from sens.simulator.settings import SimulatorSettings, parse_broker

TICK_S = 0.02
PROGRESS_S = 1.0


@dataclass(frozen=True, slots=True)
class SimulatorReport:
    """How far a simulation is.

    Attributes:
        sent, acknowledged: messages. At QoS 0 nothing is acknowledged: written counts as such.
        reconnects: connections after the first.
        elapsed_s: seconds since the start.
        problem: why there is no connection now, "" while there is one.
    """

    sent: int
    acknowledged: int
    reconnects: int
    elapsed_s: float
    problem: str


async def simulate(
    settings: SimulatorSettings,
    stopping: asyncio.Event,
    on_progress: Callable[[SimulatorReport], None] = lambda _: None,
) -> SimulatorReport:
    """Publish until `stopping` is set or all `settings.messages` were sent, then wait for acknowledgements.

    With that number it ends early, with a `problem`, when there was no broker for `settings.give_up_s`.

    Args:
        on_progress: called about once a second.
    """
    publisher = Publisher(parse_broker(settings.broker), settings.qos)
    started_at = time.monotonic()

    def report() -> SimulatorReport:
        return SimulatorReport(
            sent=publisher.sent,
            acknowledged=publisher.acknowledged,
            reconnects=max(publisher.connections - 1, 0),
            elapsed_s=time.monotonic() - started_at,
            problem=publisher.problem,
        )

    publisher.start()
    try:
        await _send(settings, publisher, stopping, lambda: on_progress(report()))
        await asyncio.to_thread(publisher.drain, settings.drain_s)
        return report()
    finally:
        await asyncio.to_thread(publisher.close)


async def _send(
    settings: SimulatorSettings, publisher: Publisher, stopping: asyncio.Event, progress: Callable[[], None]
) -> None:
    fleet = Fleet(settings.devices, settings.seed)
    bucket = TokenBucket(settings.rate, time.monotonic())
    connected_at = time.monotonic()
    progress_at = connected_at + PROGRESS_S
    while not stopping.is_set() and publisher.sent != settings.messages:
        if publisher.connected:
            connected_at = time.monotonic()
        elif settings.messages is not None and time.monotonic() - connected_at > settings.give_up_s:
            return
        for message in fleet.messages(bucket.take(time.monotonic(), _room(settings, publisher)), _now_us()):
            publisher.publish(*message)
        if time.monotonic() >= progress_at:
            progress()
            progress_at += PROGRESS_S
        await _pause(stopping, max(bucket.wait_s(most=PROGRESS_S), TICK_S))


def _room(settings: SimulatorSettings, publisher: Publisher) -> int:
    """How many messages may be sent now. None while there is no broker: devices that are offline are silent."""
    if not publisher.connected:
        return 0
    room = settings.max_in_flight - publisher.in_flight
    return room if settings.messages is None else min(room, settings.messages - publisher.sent)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return


def _now_us() -> int:
    return time.time_ns() // 1_000
