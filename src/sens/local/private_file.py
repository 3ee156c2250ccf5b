"""Files that hold secrets, and are for their owner only."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def password() -> str:
    """A new password, safe in URLs and configuration files. Never a number's look-alike."""
    return f"p{secrets.token_urlsafe(24)}"


def api_key() -> str:
    """A new API key: `sens_` and 40 characters that are safe in URLs."""
    return f"sens_{secrets.token_urlsafe(30)}"


def kept_secret(path: Path, make: Callable[[], str]) -> str:
    """The secret in the file, which is made its owner's alone; where there is none yet, a new one."""
    try:
        path.chmod(0o600)
        kept = path.read_text().strip()
    except FileNotFoundError:
        kept = ""
    if kept:
        return kept
    secret = make()
    write_private(path, f"{secret}\n")
    return secret


def write_private(path: Path, text: str) -> None:
    """Write the whole file or leave what was there, with mode 0600 from its first moment."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
