"""What `sens simulate` is told, checked before anything is sent."""

from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from sens.domain.errors import Fatal

MAX_DEVICES = 1_000_000
MAX_RATE = 1_000_000.0
_PORTS = {"mqtt": 1883, "mqtts": 8883}


class Broker(NamedTuple):
    """Where to publish."""

    host: str
    port: int
    tls: bool
    username: str | None
    password: str | None


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """A simulation.

    Attributes:
        devices: how many devices take turns.
        rate: messages a second of all devices together.
        broker: mqtt://[user:password@]host[:port], or mqtts:// for TLS.
        qos: 0, 1 or 2.
        seed: the same seed sends the same values.
        messages: stop after so many; None: go on until stopped.
        max_in_flight: messages not acknowledged yet, beyond which sending waits.
        drain_s: how long to wait for outstanding acknowledgements at the end.
        give_up_s: how long to go without a broker while `messages` are to be sent; without that number for ever.
    """

    devices: int = 20
    rate: float = 10.0
    broker: str = "mqtt://127.0.0.1:1883"
    qos: int = 1
    seed: int = 1
    messages: int | None = None
    max_in_flight: int = 5_000
    drain_s: float = 10.0
    give_up_s: float = 30.0

    def __post_init__(self) -> None:
        if not 1 <= self.devices <= MAX_DEVICES:
            raise Fatal(f"--devices {self.devices}: give a number from 1 to {MAX_DEVICES}")
        if not 0 < self.rate <= MAX_RATE:
            raise Fatal(f"--rate {self.rate}: give messages a second, above 0 and up to {MAX_RATE:.0f}")
        if self.qos not in (0, 1, 2):
            raise Fatal(f"--qos {self.qos}: give 0, 1 or 2")
        if self.messages is not None and self.messages < 1:
            raise Fatal(f"--messages {self.messages}: give at least 1, or leave it out to go on until stopped")
        parse_broker(self.broker)


def parse_broker(url: str) -> Broker:
    """The parts of a broker's URL.

    Raises:
        Fatal: it is none.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/"):
        # The URL may hold a password, so it is not repeated.
        raise Fatal("--broker: give mqtt://host:port, or mqtts://user:password@host:port for TLS with a password")
    return Broker(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        tls=parts.scheme == "mqtts",
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )
