"""How far the raw stream and its consumer are, for those who lay the log beside the database."""

from collections.abc import Iterable

import msgspec

from sens.domain.balance import LedgerKey, Tail
from sens.domain.envelope import SUBJECT_ROOT, InvalidEnvelope, unpack
from sens.stream.connection import StreamConnection
from sens.stream.errors import StreamMissing
from sens.stream.raw import ALL_SUBJECTS, HEAD_BYTES, rfc3339
from sens.stream.streamlog import Stored, StreamLog, call


class _Floor(msgspec.Struct, frozen=True):
    stream_seq: int = 0


class _ConsumerInfo(msgspec.Struct):
    ack_floor: _Floor = _Floor()


def tails_of(lasts: Iterable[Stored]) -> list[Tail]:
    """Tails from the last envelope of each subject; what is no envelope is passed over."""
    tails = list[Tail]()
    for stored in lasts:
        try:
            last = unpack(stored.data)
        except InvalidEnvelope:
            continue
        tails.append(Tail(LedgerKey(last.source, last.session, last.epoch), last.total, stored.sequence))
    return tails


class LogObserver:
    """Reads the raw stream and its consumer; makes neither, changes neither."""

    def __init__(self, connection: StreamConnection, stream: str, *, durable: str = "telemetry") -> None:
        self._connection = connection
        self._log = StreamLog(connection, stream)
        self._durable = durable

    async def acknowledged(self) -> int | None:
        """The stream sequence up to which all is acknowledged; None where there is no consumer yet.

        Raises:
            StreamAway: NATS does not answer.
        """
        try:
            info = await call(self._connection, f"CONSUMER.INFO.{self._log.name}.{self._durable}", {}, _ConsumerInfo)
        except StreamMissing:
            return None
        return info.ack_floor.stream_seq

    async def tails(self) -> list[Tail]:
        """The last envelope of every subject; none where there is no stream.

        Raises:
            StreamAway: NATS does not answer.
        """
        try:
            return tails_of(await self._log.lasts(ALL_SUBJECTS, HEAD_BYTES))
        except StreamMissing:
            return []

    async def oldest(self, source: str) -> int | None:
        """The sequence of the first envelope that the log still holds of a source; None where it holds none.

        Raises:
            StreamAway: NATS does not answer.
        """
        subjects = f"{SUBJECT_ROOT}.{source}.>"
        try:
            if not (await self._log.subjects(subjects))[1]:
                return None
        except StreamMissing:
            return None
        found, _ = await self._log.batch({"seq": 1, "next_by_subj": subjects, "batch": 1})
        return found[0].sequence if found else None

    async def newest(self, source: str, before: int | None = None, count: int = 64) -> list[Stored]:
        """Envelopes of a source, about so many, by sequence: the last ones before a sequence, or of all.

        There may be fewer, or none, where those of other sources lie between.

        Raises:
            StreamAway: NATS does not answer.
        """
        subjects = f"{SUBJECT_ROOT}.{source}.>"
        found = list[Stored]()
        try:
            if before is None:
                lasts = await self._log.lasts(subjects, HEAD_BYTES)
                before = max((last.sequence for last in lasts), default=0) + 1
            start = max(before - count, 1)
            while start < before:  # an answer ends after some MiB, whatever was asked for
                some, _ = await self._log.batch({"seq": start, "next_by_subj": subjects, "batch": count})
                found += [stored for stored in some if stored.sequence < before]
                start = some[-1].sequence + 1 if some else before
        except StreamMissing:
            return []
        return found

    async def since(self, source: str, start_at: int, count: int = 64) -> list[Stored]:
        """Envelopes of a source that were stored from `start_at` (µs) on, the first ones, about so many.

        Raises:
            StreamAway: NATS does not answer.
        """
        what = {"start_time": rfc3339(start_at), "next_by_subj": f"{SUBJECT_ROOT}.{source}.>", "batch": count}
        try:
            found, _ = await self._log.batch(what)
        except StreamMissing:
            return []
        return found
