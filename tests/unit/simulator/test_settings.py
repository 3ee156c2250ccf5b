from typing import Any

import pytest

from sens.domain.errors import Fatal
from sens.simulator.settings import Broker, SimulatorSettings, parse_broker


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("mqtt://localhost", Broker("localhost", 1883, False, None, None)),
        ("mqtt://127.0.0.1:1884/", Broker("127.0.0.1", 1884, False, None, None)),
        ("mqtts://broker.example.org", Broker("broker.example.org", 8883, True, None, None)),
        ("mqtt://me:p%40ss@[::1]:99", Broker("::1", 99, False, "me", "p@ss")),
    ],
)
def test_a_broker_url_is_read(url: str, broker: Broker):
    assert parse_broker(url) == broker


@pytest.mark.parametrize(
    "url", ["", "localhost", "localhost:1883", "http://x", "mqtt://", "mqtt://x:port", "mqtt://[x"]
)
def test_what_is_no_broker_url_says_what_to_give(url: str):
    with pytest.raises(Fatal, match="mqtt://host:port"):
        parse_broker(url)


def test_an_error_never_repeats_the_password():
    with pytest.raises(Fatal) as caught:
        parse_broker("mqtt://me:topsecret@host:port")
    assert "topsecret" not in str(caught.value)


@pytest.mark.parametrize(
    ("option", "wrong"),
    [("devices", 0), ("rate", 0.0), ("rate", float("nan")), ("qos", 3), ("messages", 0), ("broker", "nowhere")],
)
def test_a_wrong_option_is_named(option: str, wrong: Any):
    with pytest.raises(Fatal, match=f"--{option}"):
        SimulatorSettings(**{option: wrong})
