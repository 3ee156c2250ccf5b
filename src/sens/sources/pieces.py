"""The lines of `sens.yaml` that declare each source, for who looks at one and not into the file."""

from typing import Any, cast

from sens.sources.document import InvalidYaml, read
from sens.sources.problems import Path


def pieces(text: str) -> dict[str, str]:
    """Source name → its lines, as they stand in the file; none of a text that is no configuration.

    They hold no secret: the configuration only says where secrets are kept.
    """
    try:
        document = read(text)
    except InvalidYaml:
        return {}
    value: object = document.value
    declared = cast("dict[str, Any]", value).get("sources") if isinstance(value, dict) else None
    entries = cast("list[Any]", declared) if isinstance(declared, list) else []
    lines = text.splitlines()
    starts = [_line(document.values, ("sources", at)) for at in range(len(entries))]
    others = [position.line for path, position in document.keys.items() if len(path) == 1]
    found = dict[str, str]()
    for entry, start in zip(entries, starts, strict=True):
        end = min((line for line in (*starts, *others) if line > start), default=len(lines) + 1)
        if isinstance(entry, dict):
            name = str(cast("dict[str, Any]", entry).get("name", ""))
            found[name] = "\n".join(lines[start - 1 : max(end - 1, start)]).rstrip()
    return found


def _line(values: Any, path: Path) -> int:
    return values[path].line if path in values else 1
