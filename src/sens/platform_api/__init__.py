"""The HTTP API: reads PostgreSQL and the log, never touches the way of a reading."""
