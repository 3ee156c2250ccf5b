"""How to connect to a broker as a receiver."""

import ssl
from dataclasses import dataclass, field

from sens.mqtt.errors import InvalidOptions
from sens.mqtt.packets import NEVER_EXPIRES, Connect

DAY_S = 86_400
MAX_KEEP_ALIVE_S = 65_535
MAX_RECEIVE_MAXIMUM = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectOptions:
    """How to connect.

    Attributes:
        client_id: names the session at the broker; the same after every restart.
        version: 4 (MQTT 3.1.1) or 5.
        keep_alive_s: at most 65,535; 0 switches off pings and the watch for a dead broker.
        session_expiry_s: MQTT 5: how long the broker keeps session and messages while we are away.
        receive_maximum: MQTT 5: how many QoS 1 and 2 messages the broker may have unacknowledged.
        tls: None connects without TLS.
        server_name: with TLS, the name that is asked for and that the certificate must bear; None: the host.
        max_packet_bytes: a larger PUBLISH is not received but told as `Oversize`; the broker is not
            told this limit, because it would drop larger messages silently.
        keep_bytes: how much of an oversize packet is kept.
        max_piece_bytes: runs of PUBLISH packets are cut at this size.
        connect_timeout_s: for TCP, TLS and CONNACK together.
        close_timeout_s: how long a closing connection may take before it is dropped.

    Raises:
        InvalidOptions: a value that MQTT does not allow.
    """

    client_id: str
    username: str | None = None
    password: bytes | None = field(default=None, repr=False)
    version: int = 5
    keep_alive_s: int = 30
    session_expiry_s: int = 7 * DAY_S
    receive_maximum: int = MAX_RECEIVE_MAXIMUM
    clean_start: bool = False
    tls: ssl.SSLContext | None = None
    server_name: str | None = None
    max_packet_bytes: int = 1024 * 1024
    keep_bytes: int = 4096
    max_piece_bytes: int = 1024 * 1024
    connect_timeout_s: float = 10.0
    close_timeout_s: float = 5.0

    def __post_init__(self) -> None:
        self._check("version", self.version, 4, 5)
        self._check("keep_alive_s", self.keep_alive_s, 0, MAX_KEEP_ALIVE_S)
        self._check("session_expiry_s", self.session_expiry_s, 0, NEVER_EXPIRES)
        self._check("receive_maximum", self.receive_maximum, 1, MAX_RECEIVE_MAXIMUM)
        if not self.client_id and not (self.clean_start and self.version == 5):
            raise InvalidOptions("an empty client_id: a persistent session needs a name of its own")
        if self.version == 4 and self.password is not None and self.username is None:
            raise InvalidOptions("MQTT 3.1.1 allows no password without a user name: set the username too")

    @staticmethod
    def _check(name: str, value: int, least: int, most: int) -> None:
        if not least <= value <= most:
            raise InvalidOptions(f"{name} is {value}; it must lie between {least} and {most}")

    def connect(self) -> Connect:
        """What the CONNECT says."""
        return Connect(
            mqtt_version=self.version,
            client_id=self.client_id,
            clean_start=self.clean_start,
            keep_alive_s=self.keep_alive_s,
            username=self.username,
            password=self.password,
            session_expiry_s=self.session_expiry_s,
            receive_maximum=self.receive_maximum,
        )
