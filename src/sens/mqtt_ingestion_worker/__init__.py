"""MQTT → JetStream: packs PUBLISH packets as they came, has them fsynced, then acknowledges them."""
