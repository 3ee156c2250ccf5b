"""`sens up` in a process of its own, with the real servers and no deployables."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nats
import nats.errors
import paho.mqtt.client as paho
import psycopg
import pytest
from nats.js.api import StreamConfig
from paho.mqtt.enums import CallbackAPIVersion

from sens.local import orphans
from servers import answers, free_port, wait_until

SERVERS_ONLY = """
import sys
from pathlib import Path
from sens.local.stack import Stack, UpOptions, plan_stack
from sens.local.up import up
from sens.runtime.exits import guard
folder, port, mqtt_port = sys.argv[1:]
def plan(options, data_dir):
    return Stack(plan_stack(options, data_dir).stages[:1], hints=["hint"])
options = UpOptions(data_dir=Path(folder), port=int(port), mqtt_port=int(mqtt_port), as_json=True)
sys.exit(guard(lambda: up(options, plan)))
"""


class Up:
    """A `sens up` that runs the two servers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = (free_port(), free_port())
        self.out = folder.with_name(f"{folder.name}.out")
        self.process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVERS_ONLY, self.folder, *map(str, self.ports)],
                stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def start(self) -> None:
        self.spawn()
        self.wait(lambda: self.states("postgres")[-1:] == ["running"] == self.states("nats-server")[-1:])

    def wait(self, condition: Callable[[], bool]) -> None:
        def checked() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.out.read_text()
            return condition()

        wait_until(checked, 60, f"sens up\n{self.out.read_text()}")

    def changes(self, name: str) -> list[dict[str, Any]]:
        lines = self.out.read_text().splitlines(keepends=True)
        entries = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]
        return [entry for entry in entries if entry["name"] == name]

    def states(self, name: str) -> list[str]:
        return [entry["state"] for entry in self.changes(name)]

    def pid(self, name: str) -> int:
        return next(entry["pid"] for entry in reversed(self.changes(name)) if entry["pid"])

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def port(self, name: str) -> int:
        found = re.search(rf"{'postgresql://sens@' if name == 'postgres' else 'nats://'}127.0.0.1:(\d+)",
                          self.changes(name)[-1]["url"])  # fmt: skip
        assert found is not None
        return int(found[1])

    @property
    def database_url(self) -> str:
        password = (self.folder / "postgres-password").read_text().strip()
        return f"postgresql://sens:{password}@127.0.0.1:{self.port('postgres')}/sens"

    @property
    def nats_url(self) -> str:
        password = (self.folder / "nats-password").read_text().strip()
        return f"nats://platform:{password}@127.0.0.1:{self.port('nats-server')}"


@pytest.fixture(scope="module")
def module_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    made = Up(tmp_path_factory.mktemp("up") / "data")
    yield made
    if made.process is not None and made.process.poll() is None:
        made.end(signal.SIGTERM)


@pytest.fixture
def up(module_up: Up) -> Up:
    """One that runs; tests share it and its data, as making a cluster takes seconds."""
    if module_up.process is None or module_up.process.poll() is not None:
        module_up.start()
    return module_up


def keep_a_row(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept AS SELECT 7 AS n")


def kept_rows(url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT n FROM kept").fetchall()


def publish(url: str, text: str) -> int:
    """Into a stream of its own. Returns how many messages the stream holds."""

    async def run() -> int:
        client = await nats.connect(url)
        stream = client.jetstream()
        await stream.add_stream(StreamConfig(name="KEPT", subjects=["kept"]))
        await stream.publish("kept", text.encode())
        info = await stream.stream_info("KEPT")
        await client.close()
        return info.state.messages

    return asyncio.run(run())


def test_postgres_is_safe_and_set_as_promised(up: Up):
    sql = (
        "SELECT name, setting FROM pg_settings WHERE name IN "
        "('fsync', 'data_checksums', 'server_encoding', 'jit', 'listen_addresses', 'unix_socket_directories')"
    )
    with psycopg.connect(up.database_url) as connection:
        shown = dict(connection.execute(sql).fetchall())
    assert shown == {
        "fsync": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "jit": "off",
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
    }
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://sens:wrong@127.0.0.1:{up.port('postgres')}/sens")


async def test_nats_takes_large_messages_from_who_has_the_password_only(up: Up):
    client = await nats.connect(up.nats_url)
    assert client.max_payload == 8 * 1024 * 1024
    await client.close()
    for user in ("", "platform:wrong@", "device@"):
        with pytest.raises((nats.errors.Error, asyncio.TimeoutError)):
            await nats.connect(
                f"nats://{user}127.0.0.1:{up.port('nats-server')}", allow_reconnect=False, connect_timeout=3
            )


async def test_devices_publish_without_a_password_and_never_see_the_platforms_messages(up: Up):
    got: list[str] = []
    subscribed = asyncio.Event()
    loop = asyncio.get_running_loop()
    device = paho.Client(CallbackAPIVersion.VERSION2)
    device.on_message = lambda _c, _d, message: got.append(message.topic)
    device.on_subscribe = lambda *_: loop.call_soon_threadsafe(subscribed.set) and None
    device.connect("127.0.0.1", up.ports[1])
    device.subscribe("#", qos=1)
    device.loop_start()
    await asyncio.wait_for(subscribed.wait(), 10)
    client = await nats.connect(up.nats_url)
    await client.publish("sens.raw.a.b", b"secret")
    await client.flush()
    device.publish("sens/a/telemetry", b"{}", qos=1)
    await asyncio.to_thread(wait_until, lambda: "sens/a/telemetry" in got, 10, "the device's own message")
    assert got == ["sens/a/telemetry"]
    device.loop_stop()
    await client.close()


def test_secrets_are_for_their_owner_only(up: Up):
    for name in ("postgres-password", "nats-password", "admin-api-key", "nats/nats.conf"):
        assert (up.folder / name).stat().st_mode & 0o077 == 0, name
    assert up.folder.stat().st_mode & 0o077 == 0


def test_a_second_start_goes_on_with_the_same_data(up: Up):
    keep_a_row(up.database_url)
    before = publish(up.nats_url, "one")
    assert up.end(signal.SIGINT) == 0
    assert up.states("postgres")[-2:] == ["stopping", "stopped"] == up.states("nats-server")[-2:]
    began_at = time.monotonic()
    up.start()
    assert time.monotonic() - began_at < 30
    assert kept_rows(up.database_url) == [(7,)]
    assert publish(up.nats_url, "two") == before + 1


@pytest.mark.parametrize("name", ["postgres", "nats-server"])
def test_a_server_that_is_killed_is_restarted_with_its_data(up: Up, name: str):
    keep_a_row(up.database_url)
    before = publish(up.nats_url, "one")
    seen = len(up.changes(name))
    os.kill(up.pid(name), signal.SIGKILL)
    up.wait(lambda: "running" in up.states(name)[seen:])
    assert up.states(name)[seen] == "restarting"
    assert kept_rows(up.database_url) == [(7,)]
    assert publish(up.nats_url, "two") == before + 1


def test_after_kill_minus_9_no_server_outlives_and_the_next_start_has_the_data(up: Up):
    keep_a_row(up.database_url)
    before = publish(up.nats_url, "one")
    pids = [up.pid(name) for name in ("postgres", "nats-server")]
    up.end(signal.SIGKILL)
    up.start()  # at once: what still runs is waited for
    assert not set(pids) & {up.pid(name) for name in ("postgres", "nats-server")}
    assert [orphans.command_of(pid) for pid in pids] == ["", ""]
    assert kept_rows(up.database_url) == [(7,)]
    assert publish(up.nats_url, "two") == before + 1


def test_after_kill_minus_9_all_servers_end_without_another_start(up: Up):
    pids = [up.pid(name) for name in ("postgres", "nats-server")]
    up.end(signal.SIGKILL)
    wait_until(lambda: not any(orphans.command_of(pid) for pid in pids), 20, "the servers to end")
    assert not answers(up.ports[1])


def test_a_server_that_outlived_its_supervisor_is_ended_by_the_next_start(up: Up):
    """Where the kernel does not end it: here a stopped process cannot react to the signal at all."""
    pid = up.pid("postgres")
    os.kill(pid, signal.SIGSTOP)
    up.end(signal.SIGKILL)
    assert orphans.command_of(pid) != ""
    up.spawn()
    time.sleep(0.5)
    assert up.changes("postgres") == []  # it waits
    os.kill(pid, signal.SIGCONT)
    up.wait(lambda: up.states("postgres")[-1:] == ["running"])
    assert up.pid("postgres") != pid


def test_a_second_sens_up_on_the_same_data_is_a_clear_error(up: Up):
    second = Up(up.folder)
    second.out = up.folder.with_name("second.out")
    second.spawn()
    assert second.process is not None
    assert second.process.wait(30) == 3
    assert re.search(
        rf"another sens up \(process {up.process and up.process.pid}\).*--data-dir", second.out.read_text()
    )
    assert up.states("postgres")[-1] == "running"


def test_a_port_in_use_is_a_clear_error(up: Up, tmp_path: Path):
    second = Up(tmp_path / "data")
    second.ports = (second.ports[0], up.ports[1])
    second.spawn()
    assert second.process is not None
    assert second.process.wait(30) == 3
    assert f"port {up.ports[1]} is in use" in second.out.read_text()
    assert "--mqtt-port" in second.out.read_text()


def test_a_closed_terminal_stops_it_as_well(up: Up):
    assert up.end(signal.SIGHUP) == 0
    assert up.states("postgres")[-1] == "stopped"
