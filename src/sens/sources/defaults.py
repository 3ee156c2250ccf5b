"""The configuration that `sens up` runs when it is given none: its own mock broker, read from the simulator."""

SIMULATOR_SOURCE = "simulator"
SIMULATOR_TOPIC = "sens/{device}/telemetry"


def simulator_configuration(broker_port: int) -> str:
    """The text of a `sens.yaml` for a mock broker on this machine.

    It speaks MQTT 3.1.1, as the listener of nats-server does.
    """
    return f"""\
# What `sens up` reads when no --config is given: its own mock broker, filled by the simulator.
sources:
  - name: {SIMULATOR_SOURCE}
    broker: mqtt://127.0.0.1:{broker_port}
    mqtt_version: 3.1.1
    topics:
      - topic: {SIMULATOR_TOPIC}
        decoder: json
        time: {{field: ts, format: auto, missing: receive_time}}
"""
