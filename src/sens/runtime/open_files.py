"""Room for as many connections as a process is to hold: each is an open file."""

import resource

import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger()

OTHERS = 100
"""Open files that are no connections of clients: libraries, logs, connections to servers."""


def make_room(connections: int) -> None:
    """Raise the process's limit of open files as far as that needs and is allowed; warn where it stays too low.

    Shells and systemd give 1024 to a process that does not ask for more.
    """
    needed = connections + OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        log.warning("too_few_open_files", allowed=allowed, needed=needed, hint="raise the hard limit, ulimit -Hn")
