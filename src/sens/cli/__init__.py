"""`sens …`: one sub-command a deployable or task."""

import signal

from sens.runtime.exits import guard


def main() -> int:
    """Run the command that the arguments name. Returns its exit code."""
    # The first process of a container gets only the signals that it handles. So SIGTERM does what Ctrl-C does, from
    # before the imports until a process that drains takes it over.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return guard(_run)


def _run() -> int:
    from sens.cli.app import run

    return run()
