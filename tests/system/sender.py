"""A load of numbered messages: each reading in the database can be attributed to the message it came in.

Message n goes to device n % devices. The devices with an even number give payloads with a time of their
own, {"ts": …, "n": 17, "x": 8.5}, the others without.
"""

import json
import threading
import time
from collections import deque
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

NOBODY_LISTENS = 16
MAX_OUTSTANDING = 4000
FIRST_TIME_US = 1_700_000_000_000_000
HOUR_US = 3_600_000_000


class Sender:
    """Publishes from a thread of its own, through whatever the broker does.

    Attributes:
        rate: messages a second, sent `burst` at a time.
        sent: numbers below it were published.
        acked: numbers that the broker acknowledged since somebody subscribed, whatever it said: from then on
            "no matching subscribers" means that it has lost the subscription, and with it the message. With
            QoS 0 numbers that were written.
        repeated: numbers that may have been published twice, because a connection was lost before their
            PUBACK; empty as long as the broker lives.
    """

    def __init__(
        self,
        port: int,
        source: str = "line",
        *,
        rate: float = 3000,
        burst: int = 20,
        devices: int = 8,
        pad_bytes: int = 0,
        qos: int = 1,
    ) -> None:
        self.source = source
        self.rate = rate
        self.burst = burst
        self.devices = devices
        self.qos = qos
        self.sent = 0
        self.acked: set[int] = set()
        self.repeated: set[int] = set()
        self._pad = {"pad": "p" * pad_bytes} if pad_bytes else {}
        self._first_time = FIRST_TIME_US + (time.time_ns() // 1000 - FIRST_TIME_US) // HOUR_US * HOUR_US
        self._port = port
        self._outstanding: dict[int, int] = {}  # packet id → number
        self._answers: deque[tuple[int, int]] = deque()  # (packet id, reason code)
        self._running = threading.Event()
        self._idle = threading.Event()
        self._ended = False
        self._client = self._connected_client()
        self._thread = threading.Thread(target=self._run, name=f"sender {source}", daemon=True)

    # --- what a test does

    def start(self) -> None:
        """Wait until somebody has subscribed, then send until `pause()`."""
        self._wait_for_subscriber()
        self._running.set()
        self._thread.start()

    def pause(self, timeout_s: float = 30.0) -> None:
        """Send no more, and wait until the broker has acknowledged everything."""
        if not self._running.is_set():
            return
        self._idle.clear()
        self._running.clear()
        if not self._idle.wait(timeout_s):
            raise TimeoutError(f"the broker acknowledged {len(self.acked)} of {self.sent} messages")

    def resume(self) -> None:
        self._running.set()

    def close(self) -> None:
        self._ended = True
        self._running.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self._client.disconnect()
        self._client.loop_stop()

    def device(self, number: int) -> str:
        index = number % self.devices
        return f"{'timeless' if index % 2 else 'timed'}-{index}"

    def has_time(self, number: int) -> bool:
        return number % self.devices % 2 == 0

    # --- the thread

    def _run(self) -> None:
        due = time.monotonic()
        while not self._ended:
            if not self._running.is_set():
                self._finish()
                due = time.monotonic()
            if len(self._outstanding) < MAX_OUTSTANDING:
                for _ in range(self.burst):
                    self._publish(self.qos)
            due = max(due + self.burst / self.rate, time.monotonic() - 0.1)
            self._take_answers()
            time.sleep(max(due - time.monotonic(), 0))

    def _finish(self) -> None:
        while self._outstanding and not self._running.is_set():
            self._take_answers()
            time.sleep(0.005)
        self._idle.set()
        self._running.wait()

    def _publish(self, qos: int) -> None:
        number = self.sent
        kind = "timed" if self.has_time(number) else "timeless"
        message: dict[str, Any] = {"n": number, "x": number / 2, **self._pad}
        if kind == "timed":
            message["ts"] = self._first_time + number
        topic = f"{self.source}/{kind}/{self.device(number)}"
        info = self._client.publish(topic, json.dumps(message), qos=qos)
        self._outstanding[info.mid] = number
        self.sent += 1

    def _take_answers(self) -> None:
        while self._answers:
            packet_id, code = self._answers.popleft()
            number = self._outstanding.pop(packet_id)
            if self.acked or code != NOBODY_LISTENS:
                self.acked.add(number)

    def _wait_for_subscriber(self) -> None:
        """With QoS 1, whose PUBACK tells whether there is one."""
        end = time.monotonic() + 30
        while not self.acked:
            if time.monotonic() > end:
                raise TimeoutError(f"nobody subscribed to {self.source}/#")
            self._publish(qos=1)
            while self._outstanding:
                time.sleep(0.01)
                self._take_answers()

    # --- paho's thread

    def _connected_client(self) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"sender-{self.source}", protocol=mqtt.MQTTv5)
        client.max_inflight_messages_set(0)
        client.reconnect_delay_set(1, 1)
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        expiry = Properties(PacketTypes.CONNECT)
        expiry.SessionExpiryInterval = 3600
        client.connect("127.0.0.1", self._port, properties=expiry)
        client.loop_start()
        return client

    def _on_publish(self, _client: Any, _data: Any, packet_id: int, code: ReasonCode, _properties: Any) -> None:
        self._answers.append((packet_id, code.value))

    def _on_disconnect(self, *_: Any) -> None:
        self.repeated.update(self._outstanding.copy().values())
