"""The last messages of a device as they were received, found in the log by a search with an end."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sens.decoding.messages import Arrival
from sens.decoding.trial import Trial, Trials
from sens.platform_api.services import Services
from sens.storage.read_devices import Device
from sens.stream.streamlog import Stored

FIRST_WINDOW = 16
LONGEST_WINDOW = 256
MAX_SEARCHED_BYTES = 24 * 1024 * 1024
MAX_ROUNDS = 24
SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """A message, and what became of it, or would now. `received_at`: µs."""

    topic: bytes
    payload: bytes
    received_at: int
    retained: bool
    trial: Trial


@dataclass(slots=True)
class Search:
    """What was found, the newest first.

    Attributes:
        searched_from: µs; when the oldest envelope that was looked at was stored; None: there was none.
        all_searched: whether the log holds nothing of the source that is older.
    """

    found: list[Found]
    searched_from: int | None = None
    all_searched: bool = False


async def find_messages(services: Services, device: Device, limit: int) -> Search:
    """The last messages that name the device, by topic or payload, decoded by the configuration of now.

    The newest envelopes of its source are looked through, back to a limit; where the device has been silent for
    longer, those from when it was last seen.

    Raises:
        StreamAway: NATS does not answer.
    """
    search = await _backwards(services, device, limit)
    if not search.found and not search.all_searched and device.last_seen is not None:
        around = await services.log.since(device.source, device.last_seen - SECOND_US, FIRST_WINDOW)
        search.found += (await _about(services, device, around))[:limit]
    return search


async def _backwards(services: Services, device: Device, limit: int) -> Search:
    search, before, searched_bytes, window = Search([]), None, 0, FIRST_WINDOW
    oldest = await services.log.oldest(device.source)
    search.all_searched = oldest is None
    for _ in range(MAX_ROUNDS):
        if oldest is None or search.all_searched or len(search.found) >= limit or searched_bytes >= MAX_SEARCHED_BYTES:
            break
        envelopes = await services.log.newest(device.source, before, window)
        if envelopes:
            searched_bytes += sum(len(each.data) for each in envelopes)
            search.searched_from = envelopes[0].stored_at
            search.found += await _about(services, device, envelopes)
        # The first window ends with the source's last envelope, wherever that is.
        before = max(before - window, oldest) if before else envelopes[0].sequence if envelopes else oldest
        search.all_searched = before <= oldest
        window = min(window * 2, LONGEST_WINDOW)
    del search.found[limit:]
    return search


async def _about(services: Services, device: Device, envelopes: Sequence[Stored]) -> list[Found]:
    """The messages of these envelopes that name the device, the newest first."""
    arrivals = [Arrival(each.sequence, each.subject, each.data, each.stored_at) for each in envelopes]
    return await asyncio.to_thread(_decoded, services, device, arrivals)


def _decoded(services: Services, device: Device, arrivals: Sequence[Arrival]) -> list[Found]:
    trials = Trials(services.configuration, device.source, arrivals)
    batch = trials.batch
    return [
        Found(batch.topics[at], batch.payloads[at], int(batch.received_at[at]), bool(batch.retained[at]), trials.of(at))
        for at in reversed(trials.about(device.name))
    ]
