"""TCP ports of this machine."""

import contextlib
import errno
import os
import socket

from sens.domain.errors import Fatal

HOST = "127.0.0.1"


def require_free(port: int, option: str) -> None:
    """Make sure that a part can listen on the port.

    Args:
        option: what the user gives to choose another, for the error.

    Raises:
        Fatal: it is taken, or not allowed.
    """
    with socket.socket() as probe:
        # As servers do: connections of an earlier life that are still closing are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "is in use by another program" if taken else f"cannot be used ({os.strerror(error.errno or 0)})"
            raise Fatal(f"port {port} {why}: stop what uses it, or choose another with {option}") from error


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]
