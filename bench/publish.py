"""The load: publishes pre-encoded messages with QoS 1 in bulk. `python -m bench.publish --help`

A process of its own, which prints one line of JSON at its end. It costs well under 1 µs of CPU a message.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass, field

from bench.messages import Expected, Messages, mixed, stamped, uniform, uniform_expected
from bench.packets import PUBACK_BYTES, Client, Ring, StampedRing

WINDOW = 5_000
CHUNK = 500
RING = 20_000
# Two messages at 2,000 a second: as many devices would send, not in bursts.
TICK_S = 0.001
KINDS = ("uniform", "stamped", "mixed", "well")


@dataclass(frozen=True, slots=True)
class Published:
    """What was sent and acknowledged. Times are of the machine's monotonic clock, in s."""

    messages: int
    started_at: float
    ended_at: float
    cpu_us_per_message: float
    expected: Expected = field(default_factory=Expected)

    @property
    def seconds(self) -> float:
        return self.ended_at - self.started_at


class Publisher:
    """Sends a ring of messages, keeping at most `window` unacknowledged."""

    def __init__(self, client: Client, ring: Ring, window: int) -> None:
        self.client = client
        self.ring = ring
        self.window = window
        self.chunk = max(1, min(CHUNK, window // 2))
        self.sent = 0
        self._acknowledged_bytes = 0

    @property
    def acknowledged(self) -> int:
        return self._acknowledged_bytes // PUBACK_BYTES

    @property
    def outstanding(self) -> int:
        return self.sent - self.acknowledged

    def at_full_speed(self, total: int, until: float) -> None:
        """Send `total` messages, or as many as go out until then, and have all acknowledged."""
        while self.sent < total and time.monotonic() < until:
            while self.sent < total and self.outstanding + self.chunk <= self.window:
                self._send(min(self.chunk, total - self.sent))
            self._receive(min(self.chunk, self.outstanding))
        self.finish()

    def at_rate(self, rate: float, total: int, until: float) -> None:
        """The same, `rate` messages a second, spread evenly."""
        start = time.monotonic()
        while self.sent < total and (now := time.monotonic()) < until:
            due = min(total - self.sent, int((now - start) * rate) - self.sent, self.window - self.outstanding)
            if due > 0:
                self._send(due)
            time.sleep(TICK_S)
            if self.outstanding:
                self._receive(1)
        self.finish()

    def finish(self) -> None:
        while self.outstanding:
            self._receive(min(self.chunk, self.outstanding))

    def _send(self, most: int) -> None:
        count, data = self.ring.take(most)
        self.client.socket.sendall(data)
        self.sent += count

    def _receive(self, at_least: int) -> None:
        self.client.wake_at(at_least * PUBACK_BYTES)
        data = self.client.socket.recv(65_536)
        if not data:
            raise ConnectionError("the broker closed the connection")
        at = -self._acknowledged_bytes % PUBACK_BYTES
        if data[at::PUBACK_BYTES].strip(b"\x40"):
            raise ConnectionError("the broker sent something that is no PUBACK")
        self._acknowledged_bytes += len(data)


def prepare(kind: str, count: int) -> Messages:
    """Mixed messages are all made beforehand, because none may be sent twice."""
    if kind in ("mixed", "well"):
        return mixed(count, time.time_ns() // 1000, trouble=kind == "mixed")
    return (stamped if kind == "stamped" else uniform)(min(RING, count))


def main() -> None:
    options = _options()
    messages = prepare(options.kind, options.messages)
    ring = (StampedRing if options.kind == "stamped" else Ring)(messages.topics, messages.payloads)
    publisher = Publisher(Client(options.port, "bench-publisher"), ring, WINDOW)
    started_at, cpu_before = time.monotonic(), time.process_time()
    until = started_at + (options.seconds or float("inf"))
    if options.rate:
        publisher.at_rate(options.rate, options.messages, until)
    else:
        publisher.at_full_speed(options.messages, until)
    ended_at, cpu_s = time.monotonic(), time.process_time() - cpu_before
    alike = options.kind in ("uniform", "stamped")
    expected = uniform_expected(publisher.sent) if alike else messages.expected
    done = Published(publisher.sent, started_at, ended_at, 1e6 * cpu_s / max(publisher.sent, 1), expected)
    print(json.dumps(asdict(done)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench.publish", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="of a broker on this machine")
    parser.add_argument("--messages", type=int, default=1 << 60, help="how many at most")
    parser.add_argument("--seconds", type=float, help="for how long at most")
    parser.add_argument("--rate", type=float, help="messages a second; default: as fast as the broker takes them")
    parser.add_argument("--kind", choices=KINDS, default="uniform", help="well: mixed, without trouble")
    return parser.parse_args()


if __name__ == "__main__":
    main()
