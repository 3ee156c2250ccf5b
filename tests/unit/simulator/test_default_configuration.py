"""What the simulator sends is what the default configuration reads: the two are written apart."""

import numpy as np

from sens.decoders.registry import DECODERS
from sens.simulator.devices import Fleet
from sens.sources import Route, Router, parse, simulator_configuration

NOW = 1_700_000_000_000_000


def test_every_simulated_message_is_decoded_and_none_rejected():
    configuration = parse(simulator_configuration(1883), name="sens.yaml", decoders=DECODERS)
    router = Router(configuration.sources[0], DECODERS)
    messages = Fleet(20, seed=1).messages(400, NOW)
    routes = [router.route(message.topic.encode()) for message in messages]
    assert all(isinstance(route, Route) and route.device for route in routes)
    received_at = NOW + np.arange(len(messages), dtype=np.int64)
    decoded = router.decoder_for(0).decode([message.payload for message in messages], received_at)
    assert decoded.rejections == {}
    assert len(decoded.values) > 2 * len(messages)
    assert set(decoded.texts.values()) <= {"idle", "running", "fault"}
    assert decoded.texts
    assert decoded.times is not None
    assert (decoded.times[decoded.times > 0] // 1_000_000_000 == NOW // 1_000_000_000).all()
