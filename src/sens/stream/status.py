"""What each source's session is doing, as its worker last said: for the API and `sens up`."""

from typing import Any, NamedTuple

import msgspec

from sens.stream.bucket import Bucket
from sens.stream.connection import StreamConnection

BUCKET = "SENS_STATUS"
FORGET_AFTER_S = 7 * 86_400.0


class SourceStatus(NamedTuple):
    """One session's state.

    Attributes:
        source, session: names.
        state: what its worker put.
        age_s: how long ago, by the server's clock alone.
    """

    source: str
    session: str
    state: dict[str, Any]
    age_s: float


class StatusBoard:
    """A bucket with one small JSON object per source and session; forgotten a week after the last change."""

    def __init__(self, connection: StreamConnection, *, bucket: str = BUCKET) -> None:
        self._bucket = Bucket(connection, bucket, ttl_s=FORGET_AFTER_S)

    async def put(self, source: str, session: str, state: dict[str, Any]) -> None:
        """Say what the session is doing now.

        Raises:
            StreamAway, StreamFull: it was not noted; say it again later.
        """
        await self._bucket.put(f"{source}.{session}", msgspec.json.encode(state))

    async def remove(self, source: str, session: str) -> None:
        """Forget the session. Raises: as `put()`."""
        await self._bucket.remove(f"{source}.{session}")

    async def read(self) -> list[SourceStatus]:
        """All sessions, by source and name.

        Raises:
            StreamAway: NATS does not answer.
        """
        entries, now = await self._bucket.entries()
        board: list[SourceStatus] = []
        for entry in sorted(entries):
            source, _, session = entry.key.partition(".")
            state = msgspec.json.decode(entry.value or b"{}", type=dict[str, Any])
            board.append(SourceStatus(source, session, state, max(now - entry.written_at, 0) / 1e6))
        return board
