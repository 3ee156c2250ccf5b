"""The last messages of a device as they were received, found in the log by a search with an end."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sens.decoding.messages import Arrival
from sens.decoding.trial import Trial, Trials
from sens.domain.envelope import InvalidEnvelope, unpack
from sens.platform_api.services import Services
from sens.storage.fates import Place
from sens.storage.read_devices import Device
from sens.storage.tenants import find_owners
from sens.stream.streamlog import Stored

FIRST_WINDOW = 16
LONGEST_WINDOW = 256
MAX_SEARCHED_BYTES = 24 * 1024 * 1024
MAX_ROUNDS = 24
MAX_IMPORT_SOURCES = 8
SECOND_US = 1_000_000
MADE_WITHIN_US = 30 * SECOND_US
"""A device is made so long after the log took its first message in, where the workers keep up."""


@dataclass(frozen=True, slots=True)
class Found:
    """A message, and what would become of it now. `received_at`: µs."""

    place: Place
    topic: bytes
    payload: bytes
    received_at: int
    retained: bool
    trial: Trial


class Older(StrEnum):
    """What is known of messages that are older than those found."""

    NONE = "none"
    PURGED = "purged"
    NOT_SEARCHED = "not_searched"


@dataclass(slots=True)
class Search:
    """What was found.

    Attributes:
        found: the newest first.
        searched_from: µs; when the oldest envelope that was looked at was stored; None: there was none.
        older: what lies before.
    """

    found: list[Found]
    searched_from: int | None
    older: Older


@dataclass(slots=True)
class _Part:
    """The search in one source's part of the log.

    Attributes:
        all_searched: the log holds nothing older of the source.
        purged: it once held older ones.
    """

    source: str
    found: list[Found]
    searched_from: int | None = None
    all_searched: bool = False
    purged: bool = False


async def find_messages(services: Services, device: Device, limit: int) -> Search:
    """The last messages that name the device, by topic or payload, decoded by the configuration of now.

    The newest envelopes of its source, and of imports, are looked through, each back to a limit. Where they hold
    none, those from when it was last seen; in imports those from when it was made.

    Raises:
        StreamAway: NATS does not answer.
    """
    async with services.searching:
        return await _find_messages(services, device, limit)


async def _find_messages(services: Services, device: Device, limit: int) -> Search:
    imports = await _import_sources(services, device)
    parts = [await _search(services, device, device.source, limit, MAX_SEARCHED_BYTES, device.last_seen)]
    for source in imports[:MAX_IMPORT_SOURCES]:
        max_bytes = MAX_SEARCHED_BYTES // min(len(imports), MAX_IMPORT_SOURCES)
        made_from = device.created_at - MADE_WITHIN_US
        parts.append(await _search(services, device, source, limit, max_bytes, made_from))
    found = sorted((each for part in parts for each in part.found), key=lambda each: -each.received_at)
    whole = all(part.all_searched for part in parts) and len(imports) <= MAX_IMPORT_SOURCES and len(found) <= limit
    return Search(found[:limit], _searched_from(parts), _older(device, parts, whole))


async def _import_sources(services: Services, device: Device) -> list[str]:
    """Of the device's tenant, and not its own."""
    names = [name for name in await services.log.import_sources() if name != device.source]
    if not names:
        return []
    async with services.database.connection() as connection:
        owners = await find_owners(connection, names)
    return [name for name in names if name in owners and owners[name].tenant == device.tenant]


def _searched_from(parts: Sequence[_Part]) -> int | None:
    """Since when all was looked through."""
    bounded = [part.searched_from for part in parts if not part.all_searched and part.searched_from is not None]
    if bounded:
        return max(bounded)
    return min((part.searched_from for part in parts if part.searched_from is not None), default=None)


def _older(device: Device, parts: Sequence[_Part], whole: bool) -> Older:
    if not whole:
        return Older.NOT_SEARCHED
    held_since = min((part.searched_from for part in parts if part.searched_from is not None), default=None)
    purged = any(part.purged for part in parts) or held_since is None or device.created_at < held_since
    return Older.PURGED if purged else Older.NONE


async def _search(
    services: Services, device: Device, source: str, limit: int, max_bytes: int, else_from: int | None
) -> _Part:
    """Back from the source's last envelope; where it finds none, from `else_from` (µs) on."""
    part = await _backwards(services, device, _Part(source, []), limit, max_bytes)
    if not part.found and not part.all_searched and else_from is not None:
        around = await services.log.since(source, else_from - SECOND_US, FIRST_WINDOW)
        part.found += await _about(services, device, around)
    return part


async def _backwards(services: Services, device: Device, part: _Part, limit: int, max_bytes: int) -> _Part:
    ends = await services.log.ends(part.source)
    if ends is None:
        part.all_searched = True
        return part
    oldest, before, searched_bytes = ends[0], ends[1] + 1, 0
    window, longest = FIRST_WINDOW, LONGEST_WINDOW
    heads = dict[str, bool]()
    for _ in range(MAX_ROUNDS):
        envelopes, read_bytes = await services.log.before(part.source, before, window, max_bytes - searched_bytes)
        if envelopes is None:
            window = longest = window // 4
            continue
        searched_bytes += read_bytes
        if envelopes:
            part.searched_from = envelopes[0].stored_at
            part.found += await _about(services, device, envelopes)
            heads |= {each.subject: _follows_others(each) for each in reversed(envelopes)}
        before = max(before - window, oldest)
        window = min(window * 2, longest)
        part.all_searched = before <= oldest
        if part.all_searched or len(part.found) > limit or searched_bytes >= max_bytes:
            break
    part.purged = any(heads.values())
    return part


def _follows_others(stored: Stored) -> bool:
    """Whether its subject had messages before it."""
    try:
        envelope = unpack(stored.data)
    except InvalidEnvelope:
        return False
    return envelope.total > envelope.messages


async def _about(services: Services, device: Device, envelopes: Sequence[Stored]) -> list[Found]:
    """The messages of these envelopes that name the device, the newest first."""
    arrivals = [Arrival(each.sequence, each.subject, each.data, each.stored_at) for each in envelopes]
    return await asyncio.to_thread(_decoded, services, device, arrivals)


def _decoded(services: Services, device: Device, arrivals: Sequence[Arrival]) -> list[Found]:
    trials = Trials(services.configuration, device.source, arrivals)
    batch = trials.batch
    return [
        Found(
            Place(UUID(bytes=batch.envelopes[int(batch.message_envelope[at])].id), int(batch.message_position[at])),
            batch.topics[at],
            batch.payloads[at],
            int(batch.received_at[at]),
            bool(batch.retained[at]),
            trials.of(at),
        )
        for at in reversed(trials.about(device.name))
    ]
