"""A lease: of several processes that want it, one holds it, and knows in time when it no longer does.

The record says who holds it and for how long after each renewal. No clock of another machine is
trusted: a candidate takes the lease over when the record's revision has not changed for that long
while the candidate looked on. The holder counts from before it sent its last renewal, and stops a
fifth early, so it lets go before any candidate can take over.

A lease bounds how long two act at once when something goes wrong; it cannot exclude it (a process may
stop between looking and acting). What must never happen twice is fenced by the expected sequence.
"""

import asyncio
import contextlib
import secrets
import time

import msgspec

from sens.domain.errors import Retry, SensError
from sens.stream.bucket import Bucket, Entry
from sens.stream.connection import StreamConnection
from sens.stream.errors import SequenceMismatch
from sens.stream.link import Message

BUCKET = "SENS_LEASES"
HELD_FRACTION = 0.8
RENEWALS_PER_TTL = 5


class _Record(msgspec.Struct):
    owner: str
    instance: str
    ttl_s: float


def _now_s() -> float:
    """Seconds that go on while the machine sleeps, where the system can tell."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Lease:
    """An exclusive lease that is renewed in the background.

    Attributes:
        lost: set when a lease that was held is held no longer, other than by `release()`.
    """

    def __init__(
        self,
        connection: StreamConnection,
        *,
        key: str,
        owner: str,
        ttl_s: float = 10.0,
        bucket: str = BUCKET,
    ) -> None:
        """A lease that is not held yet.

        Args:
            key: what is leased, for instance a source.
            owner: a name that stays the same over restarts of this process, and that no other process
                bears. What it held before a crash it takes again at once, without waiting out `ttl_s`.
            ttl_s: how long after its last renewal others leave it alone.
        """
        self._connection = connection
        self._bucket = Bucket(connection, bucket)
        self._key = key
        self._owner = owner
        self._ttl_s = ttl_s
        self._instance = secrets.token_hex(8)
        self._seen: Entry | None = None
        self._seen_at_s = 0.0
        self._held_until_s = 0.0
        self._renewing: asyncio.Task[None] | None = None
        self._new_life = True
        self.lost = asyncio.Event()

    @property
    def held(self) -> bool:
        """Whether it is ours right now. Turns False before anybody else can take it over."""
        return _now_s() < self._held_until_s

    # --- getting it

    async def acquire(self, stopping: asyncio.Event) -> bool:
        """Wait until the lease is held, through whatever NATS does; False when `stopping` is set first.

        Raises:
            StreamRefused: NATS does not let us have leases at all.
        """
        await self._stop_renewing()
        self.lost.clear()
        self._seen, self._seen_at_s = None, _now_s()
        changed = asyncio.Event()

        def wake(_: Message) -> None:
            changed.set()  # a hint only: the write may yet be refused

        subscription = await self._connection.subscribe(self._bucket.subject(self._key), wake)
        try:
            while not stopping.is_set():
                changed.clear()
                with contextlib.suppress(Retry):
                    if await self._try():
                        self._renewing = asyncio.create_task(self._renew())
                        return True
                await _wait_any(stopping, changed, self._ttl_s / RENEWALS_PER_TTL)
            return False
        finally:
            await subscription.close()

    async def _try(self) -> bool:
        """Look at the record once, and take the lease if it is free."""
        entry = await self._bucket.get(self._key)
        if entry != self._seen:
            self._seen, self._seen_at_s = entry, _now_s()
        return self._is_free(entry, _now_s() - self._seen_at_s) and await self._write(entry)

    def _is_free(self, entry: Entry | None, unchanged_s: float) -> bool:
        if entry is None or entry.value is None:
            return True
        record = _record(entry)
        if record is None:
            return unchanged_s > self._ttl_s
        if record.instance == self._instance or (self._new_life and record.owner == self._owner):
            return True
        return unchanged_s > max(record.ttl_s, self._ttl_s)

    async def _write(self, over: Entry | None) -> bool:
        """Write our record over that one; False when somebody was faster."""
        sent_at_s = _now_s()
        record = _Record(self._owner, self._instance, self._ttl_s)
        try:
            expect = 0 if over is None else over.revision
            await self._bucket.put(self._key, msgspec.json.encode(record), expect=expect)
        except SequenceMismatch:
            return False
        self._held_until_s = sent_at_s + self._ttl_s * HELD_FRACTION
        self._new_life = False  # from now on, our name on another's record is a namesake's
        return self.held

    # --- keeping it

    async def _renew(self) -> None:
        with contextlib.suppress(TimeoutError, SensError):
            while self.held:
                await asyncio.sleep(min(self._ttl_s / RENEWALS_PER_TTL, self._left_s()))
                with contextlib.suppress(Retry):
                    async with asyncio.timeout(self._left_s()):
                        if not await self._renew_once():
                            break
        self._held_until_s = 0.0
        self.lost.set()

    async def _renew_once(self) -> bool:
        # An earlier renewal may have been stored though its answer was lost: so read first.
        entry = await self._bucket.get(self._key)
        return self.held and self._is_ours(entry) and await self._write(entry)

    def _left_s(self) -> float:
        return max(self._held_until_s - _now_s(), 0.0)

    def _is_ours(self, entry: Entry | None) -> bool:
        record = None if entry is None else _record(entry)
        return record is not None and record.instance == self._instance

    async def _stop_renewing(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._renewing
            self._renewing = None

    async def release(self) -> None:
        """Let go, so that a standby takes over at once. Does not raise when NATS is away: then it runs out."""
        await self._stop_renewing()
        was_held, self._held_until_s = self.held, 0.0
        if was_held:
            with contextlib.suppress(Retry):
                entry = await self._bucket.get(self._key)
                if entry is not None and self._is_ours(entry):
                    await self._bucket.remove(self._key, expect=entry.revision)


def _record(entry: Entry) -> _Record | None:
    try:
        return msgspec.json.decode(entry.value or b"", type=_Record)
    except msgspec.DecodeError:
        return None


async def _wait_any(stopping: asyncio.Event, changed: asyncio.Event, timeout_s: float) -> None:
    tasks = [asyncio.create_task(stopping.wait()), asyncio.create_task(changed.wait())]
    try:
        await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
