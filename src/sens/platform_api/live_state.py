"""The live state of sources, from what their workers last said. Pure."""

from collections.abc import Iterable
from enum import StrEnum

from sens.stream.status import SourceStatus

SILENT_AFTER_S = 10.0
"""Workers tell their state every two seconds."""


class State(StrEnum):
    """What a source's worker is doing."""

    CONNECTED = "connected"  # it receives
    AWAY = "away"  # its broker is away
    STARTING = "starting"
    STANDBY = "standby"  # another worker owns the source
    SILENT = "silent"  # no worker has said anything for a while
    UNKNOWN = "unknown"  # NATS, through which workers tell, is away


_BY_RANK = tuple(State)


def session_state(status: SourceStatus) -> State:
    """The state of one session."""
    said = status.state.get("state")
    if status.age_s > SILENT_AFTER_S or said not in _BY_RANK:
        return State.SILENT
    return State(said)


def source_state(sessions: Iterable[SourceStatus]) -> State:
    """The state of a source: of its sessions, the one that comes first in `State`."""
    return min(map(session_state, sessions), key=_BY_RANK.index, default=State.SILENT)
