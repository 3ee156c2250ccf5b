"""What pydantic found, in words for a person who writes YAML. A value that may be a secret is never repeated."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast, get_args

from pydantic import BaseModel, ValidationError

from sens.sources.problems import Finding, Path, suggestion
from sens.sources.values import WRONG_VALUE

_TEXT, _WHOLE, _NUMBER, _FLAG, _LIST, _MAPPING = (
    "a text", "a whole number", "a number", "true or false", "a list", "keys and values",
)  # fmt: skip
_WANTED = {
    "string_type": _TEXT,
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "bool_type": _FLAG,
    "bool_parsing": _FLAG,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
}
_BOUNDS = {
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "finite_number": "a finite number",
    "string_too_long": "at most {max_length} characters long",
    "too_short": "at least {min_length} long",
    "too_long": "at most {max_length} long",
}
_MODEL_TYPES = frozenset(("model_type", "model_attributes_type"))
_FIELD_NAME = re.compile(r"[\w.-]{1,80}")
_FOUND = ((bool, _FLAG), (int, _WHOLE), (float, _NUMBER), (str, _TEXT), (Mapping, _MAPPING), (Sequence, _LIST))


def found(value: object) -> str:
    """What a value is, in the words of YAML."""
    return next((name for kind, name in _FOUND if isinstance(value, kind)), "nothing")


def explain(
    error: ValidationError, value: object, model: type[BaseModel], base: Path, other_keys: Iterable[str] = ()
) -> list[Finding]:
    """Turn the errors of one value into findings.

    Args:
        error: what `model` said of the value.
        value: what was validated.
        model: knows the keys to suggest.
        base: where the value stands in the file.
        other_keys: keys that are allowed beside the model's own.
    """
    findings = dict[Path, list[Finding]]()
    branches = dict[Path, int]()
    for details in error.errors(include_url=False):
        if details["type"] == "default_factory_not_called":
            continue  # follows from another error of the same model
        path, branch = _way(value, details["loc"])
        finding = _finding(cast("Mapping[str, Any]", details), path, model, other_keys)
        findings.setdefault(branch, []).append(finding._replace(path=(*base, *finding.path)))
        branches[branch] = max(branches.get(branch, 0), len(finding.path))
    return [
        finding
        for branch, alternatives in findings.items()
        for finding in _nearest(alternatives, len(base) + branches[branch], branch)
    ]


def _way(value: object, loc: tuple[int | str, ...]) -> tuple[Path, Path]:
    """Where pydantic's `loc` lies in the value, and, where it leads through a union, the union's place.

    Steps that are not in the value name a member of a union. Errors outside of unions have a branch of their own.
    """
    path: list[int | str] = []
    branch: Path | None = None
    for step in loc:
        inside: Any = value
        try:
            value = inside[step]
        except (LookupError, TypeError):
            branch = tuple(path) if branch is None else branch
            continue
        path.append(step)
    return tuple(path), loc if branch is None else (*branch, "\0union")


def _nearest(alternatives: list[Finding], depth: int, branch: Path) -> list[Finding]:
    """Of what the members of a union said, that of the member which fits furthest; all, where it is no union."""
    if branch[-1:] != ("\0union",):
        return alternatives
    deepest = [finding for finding in alternatives if len(finding.path) == depth]
    if len({finding.path for finding in deepest}) > 1:
        return deepest
    first = deepest[0]
    others = {finding.message.removeprefix(_subject(first.path)) for finding in deepest[1:]}
    hint = next((finding.hint for finding in deepest if finding.hint), "")
    return [first._replace(message="; or ".join([first.message, *sorted(others)]), hint=hint)]


def _finding(details: Mapping[str, Any], path: Path, model: type[BaseModel], other_keys: Iterable[str]) -> Finding:
    kind = details["type"]
    if kind == "missing":
        return _missing(str(details["loc"][-1]), path, model)
    if kind == "extra_forbidden":
        return _unknown_key(path, model, other_keys)
    message, hint = _words(kind, details["input"], details.get("ctx", {}), details["msg"])
    if kind in (WRONG_VALUE, "value_error"):
        return Finding(path, message, hint, at_key=isinstance(details["input"], Mapping | list))
    if kind in _MODEL_TYPES:
        hint = _keys_hint(details["input"], path, model)
    return Finding(path, f"{_subject(path)}{message}", hint)


def _keys_hint(given: object, path: Path, model: type[BaseModel]) -> str:
    """What to write where a model's keys are wanted. Only the name of a field is repeated, since no secret is one."""
    owner = _model_at(model, path)
    if owner is None:
        return ""
    if "field" in owner.model_fields and isinstance(given, str) and _FIELD_NAME.fullmatch(given):
        return f"write {path[-1]}: {{field: {given}}}"
    return suggestion("", owner.model_fields, "known keys")


def _words(kind: str, given: object, context: Mapping[str, Any], otherwise: str) -> tuple[str, str]:
    """The message and the hint of an error that concerns one value."""
    if kind == WRONG_VALUE:
        return context["message"], context["hint"]
    if kind == "value_error":
        return str(context["error"]), ""
    if kind in _WANTED:
        return f"expected {_WANTED[kind]}, found {found(given)}", _quotes(kind, given)
    if kind in _BOUNDS:
        return f"must be {_BOUNDS[kind].format(**context)}", ""
    if kind == "string_too_short":
        return "must not be empty", ""
    if kind in ("literal_error", "enum"):
        return "an unknown value", suggestion(str(given), re.findall(r"'([^']*)'", context["expected"]), "known values")
    return otherwise, ""


def _subject(path: Path) -> str:
    return f"'{path[-1]}': " if path and isinstance(path[-1], str) else ""


def _missing(key: str, path: Path, model: type[BaseModel]) -> Finding:
    owner = _model_at(model, path)
    description = (owner.model_fields[key].description or "") if owner and key in owner.model_fields else ""
    return Finding(path, f"'{key}' is missing", f"write {key}: … {description}".strip())


def _unknown_key(path: Path, model: type[BaseModel], other_keys: Iterable[str]) -> Finding:
    *parents, key = path
    owner = _model_at(model, tuple(parents))
    known = {*(owner.model_fields if owner else ()), *(other_keys if not parents else ())}
    if "password" in parents:
        # Who writes {hunter2} for a password has made a key of it.
        return Finding(tuple(parents), "an unknown key in a password", "write {env: NAME} or {file: PATH}")
    return Finding(path, f"unknown key '{key}'", suggestion(str(key), known, "known keys"), at_key=True)


def _quotes(kind: str, given: object) -> str:
    if kind == "string_type":
        if isinstance(given, Mapping):
            return "put a text that begins with { in quotes"
        if given is None:
            return "write a text; one that begins with # & * ! or ~ needs quotes"
        return "" if isinstance(given, list) else "put it in quotes"
    if _WANTED[kind] in (_WHOLE, _NUMBER, _FLAG) and isinstance(given, str):
        return f"write {_WANTED[kind]}, without quotes"
    return "begin each entry with '- '" if _WANTED[kind] == _LIST else ""


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model that describes the value at `path`: the first one in its field's annotation."""
    here: type[BaseModel] | None = model
    for step in path:
        if here is None or step not in here.model_fields:
            continue  # an index, or a key of a mapping from names to models
        here = _first_model(here.model_fields[str(step)].annotation)
    return here


def _first_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _first_model(part))), None)
