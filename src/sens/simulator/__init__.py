"""Devices that do not exist: they publish believable readings to a broker, at a steady rate."""
