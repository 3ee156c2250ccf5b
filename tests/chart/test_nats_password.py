"""A password of the embedded NATS reaches the server as it is, whatever it looks like."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import nats
import pytest

from helm import of_kind, pods, render
from servers import Nats


class Rendered(Nats):
    """nats-server as the chart configures it, with the environment that the kubelet makes for it.

    Its ports are overridden by arguments, which go before the configuration.
    """

    def __init__(self, folder: Path, password: str) -> None:
        super().__init__(folder)
        rendered = render("test")
        configs = {each["metadata"]["name"]: each["data"] for each in of_kind(rendered, "ConfigMap")}
        config = configs["sens-nats-config"]["nats.conf"]
        self.config.write_text(config.replace("/data/jetstream", f"{folder}/jetstream"))
        container = next(pod.spec["containers"][0] for pod in pods(rendered) if pod.component == "nats")
        written = {entry["name"]: entry.get("value") for entry in container["env"]}
        self.environment = {
            name: password if value is None else value.replace("$(NATS_PASSWORD)", password)
            for name, value in written.items()
        }

    def command(self) -> list[str]:
        binary = shutil.which("nats-server", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        assert binary
        return [
            binary, "-c", str(self.config), "-a", "127.0.0.1", "-p", str(self.port), "-m", str(self.monitor_port),
            "-P", str(self.folder / "nats.pid"),
        ]  # fmt: skip


@pytest.fixture
def server(tmp_path: Path, password: str) -> Iterator[Nats]:
    server = Rendered(tmp_path, password)
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize(
    "password",
    [
        "plain",
        "12345678",
        "0x1f",
        "3x",
        "1e5",
        "5k",
        "true",
        "-1",
        "{a",
        "[a",
        "(a",
        "$HOME",
        'a"b',
        "a\\b",
        "a #b",
        "// a; b=",
    ],
)
async def test_a_password_may_look_like_anything(server: Nats, password: str) -> None:
    connection = await nats.connect(server.url, user="sens", password=password, allow_reconnect=False)
    await connection.close()


@pytest.mark.parametrize("password", ["12345678"])
async def test_another_password_is_refused(server: Nats) -> None:
    with pytest.raises(Exception, match="Authorization Violation"):
        await nats.connect(
            server.url, user="sens", password="'12345678'", allow_reconnect=False, max_reconnect_attempts=0
        )
