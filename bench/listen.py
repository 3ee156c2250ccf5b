"""Live clients: takes the API's live readings and notes when they came. `python -m bench.listen --help`

A process of its own, which prints "ready" when all listen, and one line of JSON at its end. All its clients share one
thread: an event that many of them get is read once, for the others only its id and the time are noted.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import msgspec
import numpy as np
import uvloop
from numpy.typing import NDArray

from bench.messages import DEVICE, STAMP, UNIFORM_DEVICES

AT_ONCE = 50
# Nothing more has come for so long: that was all.
QUIET_S = 5.0
POLL_S = 0.1
PERCENTILES = (50, 95, 99, 100)


class _Reading(msgspec.Struct):
    device: str
    metric: str
    value: float | bool | str


class _Readings(msgspec.Struct):
    readings: list[_Reading]


_decode = msgspec.json.Decoder(_Readings).decode
Key = tuple[bytes, int]


@dataclass(frozen=True, slots=True)
class Listened:
    """What came.

    Attributes:
        stamps: readings that bear the time of their sending, over all clients.
        delay_ms: from sending to client, by percentile.
        newest: by device, the newest stamp that all clients have that wanted it.
        bytes: of events, over all clients.
    """

    clients: int
    events: int
    resets: int
    stamps: int
    delay_ms: dict[str, float]
    newest: list[int]
    bytes: int
    cpu_s: float


class Events:
    """Events with readings: the devices whose stamps they bear, and these.

    An event is known by its beginning, which has its id, and its length.
    """

    def __init__(self) -> None:
        self._known: dict[Key, tuple[NDArray[np.int32], NDArray[np.int64]]] = {}

    def __getitem__(self, key: Key) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        return self._known[key]

    def note(self, event: memoryview) -> Key:
        beginning, found, _ = bytes(event[:80]).partition(b"data: ")
        key = beginning, len(event)
        if key not in self._known:
            readings = _decode(event[len(beginning) + len(found) :]).readings
            stamps = {_row(each.device): int(each.value) for each in readings if each.metric == STAMP}
            devices = np.fromiter(stamps, np.int32, len(stamps))
            self._known[key] = devices, np.fromiter(stamps.values(), np.int64, len(stamps))
        return key


def _row(device: str) -> int:
    return int(device.rpartition("-")[2])


def _request(key: str, device: int | None) -> bytes:
    query = "" if device is None else f"?device={DEVICE.format(device)}"
    return f"GET /api/v1/live{query} HTTP/1.1\r\nHost: sens\r\nX-API-Key: {key}\r\n\r\n".encode()


class Client(asyncio.Protocol):
    """One connection. The API sends each event as one chunk of the answer.

    Attributes:
        lost: why the connection ended.
        came: events with readings, and when they were there in full, in µs since 1970 UTC.
        wanted: the devices that it follows.
    """

    def __init__(self, key: str, device: int | None, events: Events) -> None:
        self._request = _request(key, device)
        self.wanted = slice(None) if device is None else slice(device, device + 1)
        self.events = events
        self._rest = bytearray()
        self._answered = False
        self.listening = asyncio.Event()
        self.lost = ""
        self.came = list[tuple[Key, int]]()
        self.resets = 0
        self.bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.WriteTransport", transport).write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = f"a stream ended: {exc or bytes(self._rest[:500])!r}"
        self.listening.set()

    def data_received(self, data: bytes) -> None:
        self._rest += data
        if not self._answered:
            header = self._rest.find(b"\r\n\r\n")
            if header < 0 or not self._rest.startswith(b"HTTP/1.1 200"):
                return
            self._answered = True
            del self._rest[: header + 4]
        at, now = 0, time.time_ns() // 1000
        with memoryview(self._rest) as view:
            while (end := self._rest.find(b"\r\n", at, at + 16)) >= 0:
                start, stop = end + 2, end + 2 + int(view[at:end].tobytes(), 16)
                if stop + 2 > len(view):
                    break
                with view[start:stop] as event:
                    self._take(event, now)
                at = stop + 2
        del self._rest[:at]

    def _take(self, event: memoryview, now: int) -> None:
        name = event[:16].tobytes()
        if name.startswith(b"event: readings"):
            self.came.append((self.events.note(event), now))
            self.bytes += len(event)
        elif name.startswith(b"retry"):
            self.listening.set()
        self.resets += name.startswith(b"event: reset")


async def listen(port: int, clients: Sequence[Client], seconds: float) -> None:
    """Connect all; return when so long after the first event nothing comes any more."""
    loop = asyncio.get_running_loop()
    for start in range(0, len(clients), AT_ONCE):
        some = clients[start : start + AT_ONCE]
        await asyncio.gather(*(loop.create_connection(lambda each=each: each, "127.0.0.1", port) for each in some))
        await asyncio.gather(*(each.listening.wait() for each in some))
        _require_all(some)
    print("ready", flush=True)
    before, moved_at, end_at = 0, float("inf"), 0.0
    while time.monotonic() < max(moved_at + QUIET_S, end_at):
        await asyncio.sleep(POLL_S)
        _require_all(clients)
        found = sum(len(each.came) for each in clients)
        if found != before:
            end_at = end_at or time.monotonic() + seconds
            before, moved_at = found, time.monotonic()


def _require_all(clients: Sequence[Client]) -> None:
    for client in clients:
        if client.lost:
            raise ConnectionError(client.lost)


def summed_up(clients: Sequence[Client], cpu_s: float) -> Listened:
    """Delays over all clients and readings, and the newest that each client had in the end."""
    delays, newest = list[NDArray[np.int64]](), np.full(UNIFORM_DEVICES, np.iinfo(np.int64).max)
    for client in clients:
        had = np.zeros(UNIFORM_DEVICES, np.int64)
        for key, at in client.came:
            devices, stamps = client.events[key]
            delays.append(at - stamps)
            had[devices] = np.maximum(had[devices], stamps)
        newest[client.wanted] = np.minimum(newest[client.wanted], had[client.wanted])
    all_ = np.concatenate(delays) / 1000
    percentiles = zip(PERCENTILES, np.percentile(all_, PERCENTILES).tolist(), strict=True)
    return Listened(
        clients=len(clients),
        events=sum(len(each.came) for each in clients),
        resets=sum(each.resets for each in clients),
        stamps=len(all_),
        delay_ms={f"p{which}": round(value, 1) for which, value in percentiles},
        newest=newest.tolist(),
        bytes=sum(each.bytes for each in clients),
        cpu_s=round(cpu_s, 2),
    )


def main() -> None:
    parser = argparse.ArgumentParser("python -m bench.listen", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="of an API on this machine")
    parser.add_argument("--key-file", type=Path, required=True, help="with an API key")
    parser.add_argument("--clients", type=int, default=UNIFORM_DEVICES)
    parser.add_argument("--seconds", type=float, default=0.0, help="how long at least, from the first event on")
    parser.add_argument("--follow", choices=("device", "everything"), default="device", help="what each client wants")
    options = parser.parse_args()
    key, events = options.key_file.read_text(), Events()
    devices = [n % UNIFORM_DEVICES if options.follow == "device" else None for n in range(options.clients)]
    clients = [Client(key, device, events) for device in devices]
    cpu_before = time.process_time()
    uvloop.run(listen(options.port, clients, options.seconds))
    print(json.dumps(asdict(summed_up(clients, time.process_time() - cpu_before))))


if __name__ == "__main__":
    main()
