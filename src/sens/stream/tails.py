"""How far the raw stream and its consumer are, for those who lay the log beside the database."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from sens.domain.balance import LedgerKey, Tail
from sens.domain.envelope import SUBJECT_ROOT, InvalidEnvelope, is_import, source_and_session, unpack
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


class LogSize(NamedTuple):
    """Bytes that the log has, and at which it takes no more; -1: it has no limit of its own."""

    bytes: int
    max_bytes: int


_FEW = 4
"""Envelopes that are read whatever they have: a search by fewer at once would not go on."""


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

    async def size(self) -> LogSize | None:
        """How large the log is; None where there is no stream.

        Raises:
            StreamAway: NATS does not answer.
        """
        try:
            info = await self._log.info()
        except StreamMissing:
            return None
        return LogSize(info.state.bytes, info.config["max_bytes"])

    async def tails(self) -> list[Tail]:
        """The last envelope of every subject; none where there is no stream.

        Raises:
            StreamAway: NATS does not answer.
        """
        try:
            return tails_of(await self._log.lasts(ALL_SUBJECTS, HEAD_BYTES))
        except StreamMissing:
            return []

    async def import_sources(self) -> list[str]:
        """The sources under which the log holds what came from files, by name.

        Raises:
            StreamAway: NATS does not answer.
        """
        try:
            _, subjects = await self._log.subjects(ALL_SUBJECTS)
        except StreamMissing:
            return []
        owners = filter(None, map(source_and_session, subjects))
        return sorted({source for source, session in owners if is_import(session)})

    async def ends(self, source: str) -> tuple[int, int] | None:
        """The sequences of the first and of the last envelope that the log holds of a source; None: it holds none.

        Raises:
            StreamAway: NATS does not answer.
        """
        subjects = f"{SUBJECT_ROOT}.{source}.>"
        try:
            last = await self._log.last(subjects)
        except StreamMissing:
            return None
        if last is None:
            return None
        first, _ = await self._log.batch({"seq": 1, "next_by_subj": subjects, "batch": 1}, HEAD_BYTES)
        return (first[0] if first else last).sequence, last.sequence

    async def before(self, source: str, sequence: int, count: int, max_bytes: int) -> tuple[list[Stored] | None, int]:
        """The envelopes of a source among the `count` of the log that come before a sequence.

        Returns:
            They by sequence, None where they are more than `max_bytes` together; and how many bytes were read. Up to
            four are given whatever they have.

        Raises:
            StreamAway: NATS does not answer.
        """
        found = list[Stored]()
        start, read_bytes = max(sequence - count, 1), 0
        # One first: of a source with few envelopes it may lie beyond, and more would be for nothing.
        batch = 1
        try:
            while start < sequence:  # an answer ends after some MiB, whatever was asked for
                what = {"seq": start, "next_by_subj": f"{SUBJECT_ROOT}.{source}.>", "batch": batch}
                some, _ = await self._log.batch(what)
                read_bytes += sum(len(stored.data) for stored in some)
                found += [stored for stored in some if stored.sequence < sequence]
                if read_bytes > max_bytes and count > _FEW:
                    return None, read_bytes
                start = some[-1].sequence + 1 if some else sequence
                batch = max(1, sequence - start)
        except StreamMissing:
            return [], read_bytes
        return found, read_bytes

    async def since(self, source: str, start_at: int, count: int) -> list[Stored]:
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
