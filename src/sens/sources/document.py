"""YAML as plain values that remember where they stood.

Only what a configuration needs is accepted: mappings with text keys, lists, texts, numbers, true,
false and null. YAML 1.2, so `yes` and `on` are texts. Every limit here is far above what a person
writes; they keep a hostile file from taking memory or time.
"""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.reader import ReaderError

from sens.sources.problems import Finding, Path, Position

MAX_FILE_BYTES = 1_048_576
MAX_DEPTH = 32
MAX_NODES = 200_000

_START = Position(1, 1)
_TAG = "tag:yaml.org,2002:"
_SURROGATE = re.compile("[\ud800-\udfff]")
_TEXT_TAGS = {f"{_TAG}str", f"{_TAG}timestamp", f"{_TAG}merge", f"{_TAG}value"}


@dataclass(slots=True)
class Document:
    """A parsed file.

    Attributes:
        value: dicts, lists, str, int, float, bool, None. Of a key given twice, the first counts.
        values, keys: path → where the value, or its key, stands.
        findings: what was wrong with the YAML itself.
    """

    value: Any = None
    values: dict[Path, Position] = field(default_factory=dict[Path, Position])
    keys: dict[Path, Position] = field(default_factory=dict[Path, Position])
    findings: list[Finding] = field(default_factory=list[Finding])

    def position(self, path: Path, *, at_key: bool = False) -> Position:
        """Where `path` stands, or the nearest thing around it."""
        for end in range(len(path), -1, -1):
            known = path[:end]
            if at_key and known in self.keys:
                return self.keys[known]
            if known in self.values:
                return self.values[known]
        return _START


class InvalidYaml(ValueError):
    """The text is not YAML; nothing after the position could be read."""

    def __init__(self, position: Position, message: str, hint: str) -> None:
        super().__init__(message)
        self.position = position
        self.message = message
        self.hint = hint


def read(text: str) -> Document:
    """Parse one YAML document.

    Raises:
        InvalidYaml: the syntax is wrong, so that the rest cannot be understood.
    """
    document = Document()
    root = _compose(text)
    if root is not None:
        document.value = _Builder(document).build(root, ())
    return document


def _compose(text: str) -> Any:
    # The library is untyped, so its nodes, marks and errors are `Any` in this module, and only here.
    yaml: Any = YAML(typ="safe", pure=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            return yaml.compose(text)
    except ReaderError as error:
        position = _position_of(text, cast("Any", error).position)
        raise InvalidYaml(position, "a control character", "remove it, or write it in quotes as \\x07") from None
    except MarkedYAMLError as error:
        raise _explained(error, text) from None
    except (YAMLError, ValueError) as error:
        raise InvalidYaml(_START, f"this is not YAML: {error}", "") from None
    except RecursionError:
        raise InvalidYaml(_START, "nested too deep", f"at most {MAX_DEPTH} levels") from None


def _position_of(text: str, index: int) -> Position:
    before = text[:index]
    return Position(before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1)


def _explained(error: Any, text: str) -> InvalidYaml:
    mark = error.problem_mark or error.context_mark
    position = Position(mark.line + 1, mark.column + 1) if mark else _START
    # An alias may be a password that begins with *: it is not repeated.
    message = re.sub(r"alias '.*'", "alias", ", ".join(part for part in (error.context, error.problem) if part))
    lines = text.splitlines()
    line = lines[position.line - 1] if position.line <= len(lines) else ""
    return InvalidYaml(position, f"YAML syntax: {message}", _hint(message, line))


def _hint(message: str, line: str) -> str:
    if "'\\t'" in message:
        return "indent with spaces, not with tabs"
    if re.search(r"[:-]\s+\{[a-z0-9_]+(\.\.\.)?\}\S", line):
        return 'a text that begins with { must be quoted: "{device}/telemetry"'
    if "cannot start any token" in message:
        return "put the text in quotes"
    if "mapping values are not allowed" in message:
        return "put a text with a colon in quotes, or mend the indentation"
    if "another document" in message:
        return "write one document, without ---"
    if "undefined alias" in message:
        return "put a text that begins with * in quotes"
    return "look for a missing bracket, quote or colon, or an indentation that differs, here or just above"


class _Builder:
    """Walks the nodes of one document and notes where each stands."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.nodes = 0

    def build(self, node: Any, path: Path) -> Any:
        self.nodes += 1
        self.document.values[path] = _mark(node)
        if self.nodes > MAX_NODES or len(path) > MAX_DEPTH:
            # Aliases make a small file large: a recursive one is endless.
            limit = f"at most {MAX_NODES} values, {MAX_DEPTH} levels deep"
            raise InvalidYaml(_mark(node), "too many or too deeply nested values", limit)
        if node.id == "mapping":
            return self._mapping(node, path)
        if node.id == "sequence":
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: Any, path: Path) -> dict[str, Any]:
        result = dict[str, Any]()
        for key_node, value_node in node.value:
            if key_node.id != "scalar":
                raise InvalidYaml(_mark(key_node), "a key must be a text", "put a text with { or [ in quotes")
            key: str = key_node.value
            here = (*path, key)
            if key in result:
                first = self.document.keys[here]
                self._found(here, key_node, f"the key '{key}' stands twice, first in line {first.line}", "keep one")
                continue
            self.document.keys[here] = _mark(key_node)
            result[key] = self.build(value_node, here)
            if value_node.start_mark.index == value_node.end_mark.index:  # nothing: it stands before the next thing
                self.document.values[here] = _mark(key_node)
        return result

    def _scalar(self, node: Any, path: Path) -> Any:
        text, tag = node.value, node.tag
        if tag in _TEXT_TAGS:
            if _SURROGATE.search(text):
                self._found(path, node, "half of a character (a surrogate)", "write the character itself")
            return _SURROGATE.sub("?", text)
        try:
            return _SCALARS[tag](text)
        except (KeyError, ValueError):
            what = "cannot be read as the number that it looks like" if tag in _SCALARS else "has an unknown !tag"
            self._found(path, node, f"the value {what}", "put it in quotes to make it a text")
            return None

    def _found(self, path: Path, node: Any, message: str, hint: str) -> None:
        self.document.findings.append(Finding(path, message, hint, position=_mark(node)))


def _mark(node: Any) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


def _int(text: str) -> int:
    digits = text.replace("_", "")
    based = re.fullmatch(r"[-+]?0[box].*", digits, re.IGNORECASE)
    return int(digits, 0) if based else int(digits)


def _float(text: str) -> float:
    return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))


def _bool(text: str) -> bool:
    return text.lower() in ("true", "yes", "on", "y")  # all but true only under a %YAML 1.1 directive


def _null(_: str) -> None:
    return None


_SCALARS: dict[str, Callable[[str], int | float | bool | None]] = {
    f"{_TAG}int": _int,
    f"{_TAG}float": _float,
    f"{_TAG}bool": _bool,
    f"{_TAG}null": _null,
}
