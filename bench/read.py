"""The other end of "what mosquitto alone passes": reads uniform messages with QoS 1 and acknowledges in bulk.

Prints "ready" when it has subscribed, and one line of JSON when it has read all. `python -m bench.read --help`
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass

import numpy as np

from bench.messages import FILTER, uniform
from bench.packets import QOS_1, Client, Ring, pubacks

# As much as arrives in about 5 ms: what the ingestion worker takes at a time.
WAKE_BYTES = 32 * 1024
BUFFER_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Read:
    """What was read. Times are of the machine's monotonic clock, in s."""

    messages: int
    first_at: float
    last_at: float
    cpu_us_per_message: float

    @property
    def rate(self) -> float:
        return self.messages / (self.last_at - self.first_at)


def read(client: Client, total: int) -> Read:
    """Read `total` messages, which must all be as long as the uniform ones are."""
    width = len(Ring(*_one_message()).take(1)[1])
    id_at = width - len(_one_message()[1][0]) - 2
    buffer, waiting, count, first_at = bytearray(BUFFER_BYTES), 0, 0, 0.0
    view, cpu_before = memoryview(buffer), time.process_time()
    while count < total:
        client.wake_at(min(WAKE_BYTES, (total - count) * width - waiting))
        got = client.socket.recv_into(view[waiting:])
        if not got:
            raise ConnectionError("the broker closed the connection")
        first_at = first_at or time.monotonic()
        waiting += got
        whole = waiting // width
        packets = np.frombuffer(buffer, np.uint8, whole * width).reshape(whole, width)
        if (packets[:, 0] != QOS_1).any() or (packets[:, 1] != width - 2).any():
            raise ConnectionError("the broker sent something that is no uniform message")
        client.socket.sendall(pubacks(packets[:, id_at : id_at + 2]))
        count += whole
        waiting -= whole * width
        buffer[:waiting] = bytes(view[whole * width : whole * width + waiting])
    return Read(count, first_at, time.monotonic(), 1e6 * (time.process_time() - cpu_before) / count)


def _one_message() -> tuple[list[bytes], list[bytes]]:
    one = uniform(1)
    return one.topics, one.payloads


def main() -> None:
    parser = argparse.ArgumentParser("python -m bench.read", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="of a broker on this machine")
    parser.add_argument("--messages", type=int, required=True, help="how many to read")
    options = parser.parse_args()
    client = Client(options.port, "bench-reader")
    client.subscribe(FILTER)
    print("ready", flush=True)
    print(json.dumps(asdict(read(client, options.messages))))


if __name__ == "__main__":
    main()
