"""Takes secrets out of what is logged or shown.

Two nets: values under a key that names a secret, and secrets inside texts (URLs, connection strings,
headers). When in doubt more is hidden than needed.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

HIDDEN = "***"

_SECRET_KEY = re.compile(r"passw(or)?d|passphrase|token|secret|api[_-]?key|authorization|credential|cookie", re.I)

_NAMES = r"[\w-]*(?:passw(?:or)?d|passphrase|token|secret|api[_-]?key)"
_VALUE = r"""(?:"[^"]*"|'(?:[^'\\]|\\.)*'|[^\s"'&,;})]+)"""
_IN_TEXT = (
    # scheme://user:password@host; up to the last @, because a password may hold / and @
    (re.compile(r"""([a-z][a-z0-9+.-]*://[^\s:/@"'<>]*:)[^\s"'<>]+@""", re.I), rf"\1{HIDDEN}@"),
    # nats://token@host
    (re.compile(r"""((?:nats|tls|wss?)://)[^\s:/@"'<>]+@""", re.I), rf"\1{HIDDEN}@"),
    # Authorization: Bearer …
    (re.compile(r"""(authorization["']?\s*[:=]\s*["']?)(?:(?:bearer|basic)\s+)?[^\s"',]+""", re.I), rf"\1{HIDDEN}"),
    (re.compile(r"\b(bearer\s+)[\w.~+/=-]{8,}", re.I), rf"\1{HIDDEN}"),
    # password=… in connection strings and queries
    (re.compile(rf"({_NAMES}\s*=\s*){_VALUE}", re.I), rf"\1{HIDDEN}"),
    # "token": … in JSON and reprs; without quotes only for passwords, for "unexpected token: }" is no secret
    (re.compile(rf"""((?:{_NAMES}["']|passw(?:or)?d)\s*:\s*){_VALUE}""", re.I), rf"\1{HIDDEN}"),
)


def redact_text(text: str) -> str:
    """The text with the secrets in it replaced by `***`."""
    for pattern, replacement in _IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def redact(value: Any) -> Any:
    """The same for any value that is logged: mappings by key, sequences by item, all else as text."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return {key: HIDDEN if names_secret(key) and inner is not None else redact(inner) for key, inner in items}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(inner) for inner in cast("list[Any]", value)]
    if value is None or isinstance(value, int | float):
        return value
    return redact_text(str(value))


def names_secret(key: object) -> bool:
    """Whether what stands under this key must not be shown."""
    return isinstance(key, str) and _SECRET_KEY.search(key) is not None
