"""How many copies the servers keep of what is there already."""

from typing import Any

import msgspec

from sens.stream.connection import StreamConnection
from sens.stream.streamlog import Info, StreamLog, call

_BUCKETS = "KV_SENS_"


class _Names(msgspec.Struct):
    streams: list[str] | None = None


async def bring_replicas_in_line(connection: StreamConnection) -> None:
    """Give the buckets (leases, states, subscriptions) as many copies as the connection is told; None leaves them.

    The stream of envelopes is brought in line by its own `ensure()`.

    Raises:
        StreamRefused: the cluster has too few servers.
        StreamAway: later, perhaps.
    """
    if connection.replicas is None:
        return
    names = (await call(connection, "STREAM.NAMES", {}, _Names)).streams or []
    for name in (name for name in names if name.startswith(_BUCKETS)):
        log = StreamLog(connection, name)
        info: Info = await log.info()
        wanted: dict[str, Any] = info.config | {"num_replicas": connection.replicas}
        if wanted != info.config:
            await log.update(wanted)
