"""How far the raw stream and its consumer are, for those who lay the log beside the database."""

from collections.abc import Iterable

import msgspec

from sens.domain.balance import LedgerKey, Tail
from sens.domain.envelope import InvalidEnvelope, unpack
from sens.stream.connection import StreamConnection
from sens.stream.errors import StreamMissing
from sens.stream.raw import ALL_SUBJECTS, HEAD_BYTES
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
