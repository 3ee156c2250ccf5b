"""A device in a pod of its own, which counts what it sends: the platform's books are compared with another's."""

from kube import Object, Release, eventually, one_shot_pod

DEVICE, METRIC = "counting", "number"
RATE_PER_S = 10
_PROGRAM = """
import json, signal, sys, threading, time
import paho.mqtt.client as paho
stopping = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopping.set())
client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=sys.argv[1], clean_session=False)
client.max_queued_messages_set(0)
client.reconnect_delay_set(1, 2)
acknowledged = set()
client.on_publish = lambda client, userdata, mid, reason, properties: acknowledged.add(mid)
client.connect_async(sys.argv[2], 1883, keepalive=5)
client.loop_start()
sent, time_ms = 0, 0
while not stopping.wait(1 / float(sys.argv[4])):
    time_ms = max(time_ms + 1, time.time_ns() // 1_000_000)
    payload = json.dumps({"ts": time_ms, sys.argv[5]: sent})
    client.publish(sys.argv[3], payload, qos=1)  # while there is no connection it waits
    sent += 1
while len(acknowledged) < sent:
    time.sleep(0.1)
client.disconnect()
print(sent)
"""
"""Sends 0, 1, 2, … with a time of its own, each until the broker has it; told to stop, it says how many they were."""


class CountingDevice:
    """Sends from `start()` to `stop()`, whatever becomes of the broker meanwhile.

    Args:
        release: in whose namespace it runs.
        image: any of the platform's backends.
        broker: host name of the broker; None: the release's own, to which a way is opened.
    """

    def __init__(self, release: Release, image: str, broker: str | None = None) -> None:
        self._release = release
        self._image = image
        self._broker = broker
        self._labels = {"app": f"{DEVICE}-device"}

    def start(self) -> None:
        self._release.apply(self._way_out())
        if self._broker is None:
            self._release.apply(self._way_to_the_broker())
        self._release.apply(self._pod())

    def stop(self) -> int:
        """How many messages the broker acknowledged: all that were sent."""
        end_it = "import os, signal; os.kill(1, signal.SIGTERM)"
        self._release.kubectl("exec", DEVICE, "--", "python3", "-c", end_it)
        eventually(lambda: self._release.ended(DEVICE), "the device to end")
        return int(self._release.kubectl("logs", DEVICE))

    def _pod(self) -> Object:
        arguments = [
            DEVICE,
            self._broker or f"{self._release.name}-mock-mqtt-broker",
            f"sens/{DEVICE}/telemetry",
            str(RATE_PER_S),
            METRIC,
        ]
        container = {"name": "device", "image": self._image, "command": ["python3", "-c", _PROGRAM, *arguments]}
        return one_shot_pod(DEVICE, self._labels, container)

    def _way_out(self) -> Object:
        """Where a namespace is closed, also to its own pods."""
        return {
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": f"{DEVICE}-device-out"},
            "spec": {"podSelector": {"matchLabels": self._labels}, "policyTypes": ["Egress"], "egress": [{}]},
        }  # fmt: skip

    def _way_to_the_broker(self) -> Object:
        """The chart lets nobody but the ingestion worker in."""
        broker = {"app.kubernetes.io/instance": self._release.name, "app.kubernetes.io/component": "mock-mqtt-broker"}
        door = {"from": [{"podSelector": {"matchLabels": self._labels}}], "ports": [{"protocol": "TCP", "port": 1883}]}
        return {
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": f"{DEVICE}-device"},
            "spec": {"podSelector": {"matchLabels": broker}, "policyTypes": ["Ingress"], "ingress": [door]},
        }  # fmt: skip
