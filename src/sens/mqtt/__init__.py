"""MQTT packets in bulk: a pure codec for 3.1.1 and 5, and one connection that receives."""
