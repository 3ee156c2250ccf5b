"""Which filters the broker holds for a session, so that those which left the configuration are unsubscribed.

A persistent session keeps its subscriptions at the broker for ever, and no broker tells them. So they are
noted in NATS: before subscribing, all that may be held; afterwards, what is.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from sens.mqtt.receiver import Connection
from sens.stream.bucket import Bucket
from sens.stream.connection import StreamConnection

BUCKET = "SENS_SUBSCRIPTIONS"


class Applied(NamedTuple):
    """What became of a subscription.

    Attributes:
        granted_qos: of each filter that was wanted.
        session_lost: the broker once had a session for us, and this is another one.
    """

    granted_qos: list[int]
    session_lost: bool


class Subscriptions:
    """The notes of one source's session."""

    def __init__(self, connection: StreamConnection, source: str, session: str) -> None:
        self._bucket = Bucket(connection, BUCKET)
        self._key = f"{source}.{session}"

    async def apply(self, connection: Connection, wanted: Sequence[tuple[str, int]]) -> Applied:
        """Subscribe to what is wanted and unsubscribe from what no longer is.

        Raises:
            SensError: the broker or NATS failed; on the next connection it is done again.
        """
        filters = {filter_ for filter_, _ in wanted}
        noted = await self._noted()
        held = noted if connection.session_present else set[str]()
        if not filters <= held:
            await self._note(held | filters)
        granted_qos = await connection.subscribe(wanted)
        stale = sorted(held - filters)
        await connection.unsubscribe(stale)
        if stale or not connection.session_present:
            await self._note(filters)
        return Applied(granted_qos, session_lost=bool(noted) and not connection.session_present)

    async def end(self, connection: Connection, wanted: Sequence[tuple[str, int]]) -> None:
        """Unsubscribe from all that the session may hold: the broker queues nothing more for it.

        Raises: as `apply()`.
        """
        await connection.unsubscribe(sorted(await self._noted() | {filter_ for filter_, _ in wanted}))

    async def forget(self) -> None:
        """The session has ended."""
        await self._bucket.remove(self._key)

    async def _noted(self) -> set[str]:
        entry = await self._bucket.get(self._key)
        return set() if entry is None or entry.value is None else msgspec.json.decode(entry.value, type=set[str])

    async def _note(self, filters: set[str]) -> None:
        await self._bucket.put(self._key, msgspec.json.encode(sorted(filters)))
