import socket

import pytest

from sens.domain.errors import Fatal
from sens.local.ports import free_ports, require_free


def test_a_port_in_use_is_an_error_that_names_port_and_option():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Fatal, match=rf"port {port} is in use.*--mqtt-port"):
            require_free(port, "--mqtt-port")


def test_a_port_in_use_on_all_addresses_is_in_use_on_ours():
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        with pytest.raises(Fatal, match="--port"):
            require_free(taken.getsockname()[1], "--port")


def test_a_port_whose_last_connections_are_closing_is_free():
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            accepted.close()  # this side closes first, so it is the one that lingers
            assert client.recv(1) == b""
    require_free(port, "--port")
    assert port > 0


def test_free_ports_are_all_different():
    assert len(set(free_ports(20))) == 20
