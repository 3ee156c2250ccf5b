"""What came in over time, how large the database is, how many devices are silent: for an overview."""

from dataclasses import dataclass

from sens.storage.connection import Connection
from sens.storage.errors import translated
from sens.storage.queries import load
from sens.storage.reads import MAX_ROWS, AsyncConnection, fetch
from sens.storage.times import timestamp

_DAY = 86_400_000_000
KEPT = 400 * _DAY
"""How long charts go back, in µs."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Messages received, and readings of them that were stored, in the ten minutes from `time` (µs) on."""

    time: int
    messages: int
    readings: int


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of the database and of the log, at the end of the hour from `time` (µs) on, or now; None: not known."""

    time: int
    bytes: int
    log_bytes: int | None


@dataclass(frozen=True, slots=True)
class DeviceCounts:
    """`active`: not archived. `silent`: of these, sent nothing for twice the interval in which they are expected to."""

    active: int
    archived: int
    silent: int


async def read_intake(connection: AsyncConnection, since: int, tenant_id: int | None) -> list[Intake]:
    """Ten minutes in which something came, by time, from `since` (µs) on; of the tenant, None: of all."""
    parameters = {"since": timestamp(since), "tenant_id": tenant_id, "limit": MAX_ROWS}
    return await fetch(connection, load("overview")["intake"], parameters, Intake)


async def read_sizes(connection: AsyncConnection, since: int) -> list[Size]:
    """By hour, from `since` (µs) on."""
    return await fetch(connection, load("overview")["sizes"], {"since": timestamp(since), "limit": MAX_ROWS}, Size)


async def count_devices(connection: AsyncConnection, tenant_id: int | None) -> DeviceCounts:
    """Of the tenant; None: of all."""
    return (await fetch(connection, load("overview")["devices"], {"tenant_id": tenant_id}, DeviceCounts))[0]


def keep_charts(connection: Connection, now: int, log_bytes: int) -> None:
    """Note how large the database and the log are, and forget what charts do not go back to.

    Args:
        connection: the leader's.
        now: µs.
        log_bytes: of the log, now.
    """
    with translated():
        connection.execute(load("overview")["note_size"], {"log_bytes": log_bytes})
        connection.execute(load("overview")["forget"], {"before": timestamp(now - KEPT)})
