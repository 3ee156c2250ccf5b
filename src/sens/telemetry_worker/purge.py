"""What may leave the raw stream: what is stored, and old enough, and no longer needed to know redeliveries."""

from sens.domain.envelope import MAX_REDELIVERED, Envelope, InvalidEnvelope, source_and_session, unpack
from sens.stream.raw import RawStream
from sens.stream.streamlog import Stored

FULL_ENOUGH = 0.8
"""Above this part of its size, the stream gives up its replay window."""
BLOCKED = 0.9
"""Above this part it gives up what only a redelivery is compared with, too: nothing new could come in to
settle that. If a source's worker dies in this state, messages without a time of their own that the broker
delivers again are stored twice."""


async def is_filling(stream: RawStream) -> bool:
    """Whether room must be made now."""
    return await stream.fill() >= FULL_ENOUGH


async def purge(stream: RawStream, acknowledged: int, older_than: int) -> int:
    """Purge each subject up to what must stay. Returns how many envelopes left.

    Args:
        acknowledged: stream sequence up to which the consumer has acknowledged everything.
        older_than: µs since 1970 UTC; what was stored since stays for replay, unless the stream is
            nearly full.
    """
    state = await stream.state()
    before = acknowledged + 1
    if state.fill < FULL_ENOUGH:
        before = min(before, await _first_since(stream, older_than, state.last_sequence))
    purged = 0
    if before > state.first_sequence:
        for subject, envelopes in state.subjects.items():
            if envelopes == 1:  # its last one stays: of a finished import there is no other
                continue
            keep_from = before if state.fill >= BLOCKED else await _first_unsettled(stream, subject)
            purged += await stream.purge(subject, min(before, keep_from))
    return purged


async def _first_since(stream: RawStream, start_at: int, last_sequence: int) -> int:
    """The sequence of the first envelope stored since; behind the last one if there is none."""
    async for stored in stream.read(start_at=start_at, batch=1):
        return stored.sequence
    return last_sequence + 1


async def _first_unsettled(stream: RawStream, subject: str) -> int:
    """The sequence of the oldest envelope that the broker may still deliver again: its owner compares with it."""
    stored = await stream.last(subject)
    tail = _envelope(stored)
    first = stored.sequence if stored else 0
    if tail is None:
        return first
    envelope: Envelope | None = tail
    while envelope is not None and envelope.previous and _may_come_again(envelope, tail):
        stored = await stream.get(envelope.previous)
        envelope = _envelope(stored)
        if envelope is not None and stored is not None and envelope.epoch == tail.epoch:
            first = stored.sequence
    return first


def _may_come_again(envelope: Envelope, tail: Envelope) -> bool:
    """Whether messages of the envelope may be delivered again, by what the last one of its subject says."""
    return envelope.total > tail.settled and tail.total - envelope.total < MAX_REDELIVERED


def _envelope(stored: Stored | None) -> Envelope | None:
    try:
        return unpack(stored.data) if stored else None
    except InvalidEnvelope:
        return None


async def first_sequences(stream: RawStream) -> dict[tuple[str, str], int]:
    """(source, session) → the first sequence that the stream still holds of the subject."""
    first = {stored.subject: stored.sequence for stored in await stream.tails()}
    # Afterwards: what is a subject's only envelope now was its last one before, or a later one.
    for subject, envelopes in (await stream.state()).subjects.items():
        if envelopes > 1 or subject not in first:
            async for stored in stream.read(subjects=subject, batch=1):
                first[subject] = stored.sequence
                break
    owners = {subject: source_and_session(subject) for subject in first}
    return {owner: first[subject] for subject, owner in owners.items() if owner is not None}
