"""The load is a witness: what it does not count as acknowledged, no test misses."""

from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from servers import Mosquitto, wait_until
from system.sender import Sender


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.kill()


def test_what_is_acknowledged_after_the_subscription_is_lost_is_counted(broker: Mosquitto) -> None:
    """The broker then says that nobody listens: the message is gone, and must be missed."""
    subscriber = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="worker", protocol=mqtt.MQTTv5)
    subscriber.connect("127.0.0.1", broker.port)
    subscriber.subscribe("line/#", qos=1)
    subscriber.loop_start()
    sender = Sender(broker.port, rate=200, burst=1)
    sender.start()
    subscriber.disconnect()  # and with it its session
    lost_from = sender.sent
    wait_until(lambda: sender.sent > lost_from + 50, what="messages that nobody gets")
    sender.pause()
    assert sender.acked >= set(range(lost_from, sender.sent))
    sender.close()
    subscriber.loop_stop()
