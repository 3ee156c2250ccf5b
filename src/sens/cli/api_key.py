"""Where the commands find the key that they show to the API."""

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from sens.domain.errors import Fatal

VARIABLE = "SENS_API_KEY"
DEFAULT_FILE = Path(".sens") / "admin-api-key"


def find_key(url: str, file: Path | None, environment: Mapping[str, str] | None = None) -> str | None:
    """The key in `file`, else in the environment, else that of the `sens up` in this folder; None: there is none.

    The last one is shown to an API on this machine only: it is worth nothing elsewhere, but lets whoever
    reads it do anything here.

    Raises:
        Fatal: `file` cannot be read, or what was found is no key.
    """
    if file is not None:
        return _read(file)
    given = (os.environ if environment is None else environment).get(VARIABLE, "").strip()
    if given:
        return _usable(given, VARIABLE)
    return _read(DEFAULT_FILE) if is_local(url) and DEFAULT_FILE.is_file() else None


def is_local(url: str) -> bool:
    """Whether the URL's host is this machine, going by its name."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read(file: Path) -> str:
    try:
        text = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise Fatal(
            f"the API key in {file} cannot be read ({why}): name a readable file with --api-key-file"
        ) from error
    return _usable(text, str(file))


def _usable(key: str, place: str) -> str:
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise Fatal(f"{place} holds no API key: it must be one line of ASCII")
    return key
