"""What devices, metrics and units may be called, whoever names them: a topic, a payload or the configuration."""

import re

MAX_NAME_CHARS = 255
SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""What sources and tenants may be called."""
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def unusable_name(name: str, max_chars: int = MAX_NAME_CHARS) -> str | None:
    """Why the name cannot be used; None if it can."""
    if not name or name.isspace():
        return "is empty"
    if len(name) > max_chars:
        return f"is longer than {max_chars} characters"
    return "holds a control character" if CONTROL_CHARACTER.search(name) else None
