"""Asking a telemetry worker to decode stored envelopes again: one request, one reply, on plain NATS.

The leading worker listens on `REPLAY_SUBJECT`. Replaying is safe to
repeat: what is stored is not stored again.
"""

import time
from typing import Final

import msgspec

from sens.domain.errors import Retry
from sens.stream.connection import NoResponders, StreamConnection

REPLAY_SUBJECT: Final = "sens.command.replay"
REPLAY_TIMEOUT_S: Final = 60.0


class NobodyReplays(Retry):
    """No telemetry worker listens. Nothing was done."""


class ReplayFailed(Retry):
    """The worker could not replay; what it had replayed stays replayed."""


class ReplayRequest(msgspec.Struct, frozen=True, omit_defaults=True, rename={"start": "from", "end": "to"}):
    """Which envelopes: those with the ids, or those that the log took in [start, end).

    Attributes:
        envelope_ids: 32 hexadecimal digits each.
        quarantine_ids: rows to take the bytes from when the log has an envelope no more; empty: all that are open.
        start, end: µs since 1970 UTC; named `from` and `to` on the wire.
        source: only envelopes of this source.
        overwrite: readings that changed replace what is stored; else they are conflicts.
        next_sequence: where the last reply on this range stopped; 0 begins it.
    """

    envelope_ids: list[str] = []
    quarantine_ids: list[int] = []
    start: int | None = None
    end: int | None = None
    source: str | None = None
    overwrite: bool = False
    next_sequence: int = 0


class ReplayReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of it; `error` is empty unless it failed.

    Attributes:
        expired: envelopes (messages, where only quarantine has them) left as they are: retention has deleted,
            or is about to, what a replay would store.
        next_sequence: 0 if all was replayed; else ask again with it: a reply is not kept waiting for long.
    """

    envelopes: int = 0
    messages: int = 0
    stored: int = 0
    duplicate: int = 0
    conflict: int = 0
    quarantined: int = 0
    expired: int = 0
    next_sequence: int = 0
    error: str = ""


async def ask_replay(
    connection: StreamConnection, request: ReplayRequest, *, timeout_s: float = REPLAY_TIMEOUT_S
) -> ReplayReply:
    """Have a worker replay all that the request names, slice by slice.

    Raises:
        NobodyReplays: no worker listens; nothing was done.
        ReplayFailed: the worker says why, or the range takes longer than `timeout_s`.
        StreamAway: no answer in time: it may be under way yet.
    """
    started, done = time.monotonic(), ReplayReply()
    while True:
        reply = await _ask_slice(connection, request, timeout_s)
        done = _sum(done, reply)
        if not reply.next_sequence:
            return done
        if time.monotonic() - started > timeout_s:
            raise ReplayFailed(f"not finished within {timeout_s:g} s: replay a shorter range; what was done stays done")
        request = msgspec.structs.replace(request, next_sequence=reply.next_sequence)


def _sum(one: ReplayReply, other: ReplayReply) -> ReplayReply:
    fields = ("envelopes", "messages", "stored", "duplicate", "conflict", "quarantined", "expired")
    return ReplayReply(**{name: getattr(one, name) + getattr(other, name) for name in fields})


async def _ask_slice(connection: StreamConnection, request: ReplayRequest, timeout_s: float) -> ReplayReply:
    try:
        message = await connection.request(REPLAY_SUBJECT, msgspec.json.encode(request), timeout_s=timeout_s)
    except NoResponders as error:
        raise NobodyReplays("no telemetry worker listens for replays: start one, then try again") from error
    try:
        reply = msgspec.json.decode(message.data, type=ReplayReply)
    except msgspec.DecodeError as error:
        raise ReplayFailed(f"the worker's reply cannot be read: {error}") from error
    if reply.error:
        raise ReplayFailed(reply.error)
    return reply
