"""Live readings: heard once, given to many clients, each of which may be slow."""
