"""A part of the stack, and the state it is in: values that the supervisor, its plans and its views share."""

import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

Probe = Callable[[], Awaitable[str]]
"""Returns "" when the part is ready, otherwise what is missing, for a person."""


class State(StrEnum):
    """What a part does now."""

    WAITING = "waiting"  # for parts that start before it
    STARTING = "starting"  # begun, but not ready yet
    RUNNING = "running"
    UNRESPONSIVE = "unresponsive"  # it runs and answered before, but answers no more
    RESTARTING = "restarting"  # it died; begun again after a pause
    STOPPING = "stopping"  # told to stop, finishing its work
    STOPPED = "stopped"  # ended because it was told to
    DONE = "done"  # a task that ended well by itself
    FAILED = "failed"  # given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A process to supervise.

    Attributes:
        name: unique; names its log and its pid file.
        command: program and arguments.
        environment: variables added to our own.
        prepare: called in a thread before each start; may raise Fatal.
        ready: asked until it says "", then now and then; None: ready as soon as it runs.
        alive: asked when it is not ready; a part that answered "" before and then does not for
            `RestartPolicy.unresponsive_s` is killed and started again. None: its process is enough.
        notice: asked while it is ready: what a person should know although it works; "" for nothing.
        task: it ends by itself, with code 0; another code fails the whole.
        hopeless_code: with this exit code at the start no further attempt helps: a person must act.
        stop_signal: asks it to finish its work and end.
        death_signal: what the kernel sends when the supervisor dies without stopping it.
        grace_s: seconds from the stop signal to `kill -9`.
        url: where a person or program finds it, without secrets.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    prepare: Callable[[], None] | None = None
    ready: Probe | None = None
    alive: Probe | None = None
    notice: Probe | None = None
    task: bool = False
    hopeless_code: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    grace_s: float = 20.0
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A part's state at a moment.

    Attributes:
        since: seconds since 1970 UTC when the process was started or the state was reached.
        restarts: how often it was started again.
        note: for a person: what is missing, or why it died.
    """

    name: str
    state: State = State.WAITING
    pid: int | None = None
    since: float = 0.0
    restarts: int = 0
    url: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How a part that died is started again.

    Attributes:
        first_delay_s, max_delay_s: the pause doubles from death to death.
        steady_s: after so long a life the pause is short again.
        max_start_attempts: a part that was never ready is given up after so many deaths; one that was
            ready before is started again for ever.
        unresponsive_s: how long a part that runs may not answer at all. Longer than a busy machine takes.
    """

    first_delay_s: float = 0.5
    max_delay_s: float = 30.0
    steady_s: float = 60.0
    max_start_attempts: int = 3
    unresponsive_s: float = 60.0

    def delay_s(self, deaths: int) -> float:
        """The pause after the given number of deaths in a row, from 1."""
        return min(self.first_delay_s * 2 ** min(deaths - 1, 30), self.max_delay_s)
