"""Replay on request: envelopes that are in the log still, or messages in quarantine, are decoded again.

The leading replica answers requests, a slice at a time: the answer says where to go on.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import msgspec
import structlog

from sens.decoding.messages import Arrival
from sens.domain.envelope import SUBJECT_ROOT
from sens.domain.errors import SensError
from sens.stream.connection import StreamConnection, Subscription
from sens.stream.errors import StreamAway
from sens.stream.link import Message
from sens.stream.raw import RawStream
from sens.stream.replay import REPLAY_SUBJECT, ReplayReply, ReplayRequest
from sens.stream.streamlog import Stored
from sens.telemetry_worker.replay_store import Counts, ReplayStore
from sens.telemetry_worker.worker import Worker

log: structlog.stdlib.BoundLogger = structlog.get_logger()

SLICE_S = 2.0
"""A request is answered after about so long; the requester goes on at `next_sequence`."""
BATCH_BYTES = 2 * 1024 * 1024
MAX_IDS = 10_000


_decode = msgspec.json.Decoder(ReplayRequest)
_encode = msgspec.json.Encoder()


class Replayer:
    """Answers requests while it is open, one after the other."""

    def __init__(self, connection: StreamConnection, stream: RawStream, worker: Worker) -> None:
        self.connection = connection
        self.stream = stream
        self._store = ReplayStore(worker)
        self._subscription: Subscription | None = None
        self._turn = asyncio.Lock()
        self._tasks = set[asyncio.Task[None]]()

    async def open(self) -> None:
        """Begin to answer."""
        if self._subscription is None:
            self._subscription = await self.connection.subscribe(REPLAY_SUBJECT, self._take)

    async def close(self) -> None:
        """Answer no more; what is under way is finished first."""
        if self._subscription is not None:
            await self._subscription.close()
            self._subscription = None
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _take(self, message: Message) -> None:
        task = asyncio.create_task(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: Message) -> None:
        try:
            request = _decode.decode(message.data)
            async with self._turn:
                answer = await self._replay(request)
        except (SensError, msgspec.MsgspecError, ValueError) as error:
            log.warning("replay_failed", error=str(error))
            answer = ReplayReply(error=str(error))
        with suppress(StreamAway):  # whoever asked sees the same
            await self.connection.publish(message.reply, _encode.encode(answer))

    async def _replay(self, request: ReplayRequest) -> ReplayReply:
        if request.envelope_ids:
            return await self._replay_envelopes([bytes.fromhex(id_) for id_ in request.envelope_ids[:MAX_IDS]], request)
        counts, until, next_sequence = Counts(), time.monotonic() + SLICE_S, 0
        waiting = list[Stored]()
        size = 0
        async for stored in self._range(request):
            if time.monotonic() > until:
                next_sequence = stored.sequence
                break
            waiting.append(stored)
            size += len(stored.data)
            if size >= BATCH_BYTES:
                await self._replay_batch(waiting, request, counts)
                waiting, size = [], 0
        await self._replay_batch(waiting, request, counts)
        return counts.reply(next_sequence)

    def _range(self, request: ReplayRequest) -> AsyncIterator[Stored]:
        subjects = f"{SUBJECT_ROOT}.{request.source or '*'}.*"
        if request.next_sequence:
            return self.stream.read(start_sequence=request.next_sequence, end_at=request.end, subjects=subjects)
        return self.stream.read(start_at=request.start, end_at=request.end, subjects=subjects)

    async def _replay_batch(self, some: Sequence[Stored], request: ReplayRequest, counts: Counts) -> None:
        if some:
            arrivals = [Arrival(each.sequence, each.subject, each.data, each.stored_at) for each in some]
            counts.update(await asyncio.to_thread(self._store.replay_envelopes, arrivals, request.overwrite))

    async def _replay_envelopes(self, ids: Sequence[bytes], request: ReplayRequest) -> ReplayReply:
        """Envelopes that are in the log still, whole; of others, what is open in quarantine."""
        counts, waiting, size = Counts(), list[Stored](), 0
        sequences = await asyncio.to_thread(self._store.sequences, ids)
        # As they came, so that of two values the newer one stays: the oldest are those that the ledger has folded.
        await self._replay_messages([id_ for id_ in ids if id_ not in sequences], request, counts)
        for id_, sequence in sorted(sequences.items(), key=lambda each: each[1]):
            stored = await self.stream.get(sequence)
            gone = stored is None or id_ not in stored.data[:64]
            if stored is not None and not gone:
                waiting.append(stored)
                size += len(stored.data)
            if gone or size >= BATCH_BYTES:
                await self._replay_batch(waiting, request, counts)
                waiting, size = [], 0
            if gone:
                await self._replay_messages([id_], request, counts)
        await self._replay_batch(waiting, request, counts)
        return counts.reply()

    async def _replay_messages(self, gone: Sequence[bytes], request: ReplayRequest, counts: Counts) -> None:
        if not gone:
            return
        rows = await asyncio.to_thread(self._store.open_message_ids, gone, request.quarantine_ids[:MAX_IDS])
        for row in rows:
            counts.update(await asyncio.to_thread(self._store.replay_message, row, request.overwrite))
