"""The chart's values as data: what `values.yaml` says about each key in its comments, and the closed schema of them.

`make docs` writes `values.schema.json`, the chart's README and the reference page from it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML

from sens.decoders.registry import DECODERS
from sens.sources.models import Configuration, Topic

CHART = Path(__file__).resolve().parents[1] / "infra" / "helm" / "sens-platform"
COMPONENTS = (
    "platformApi", "mqttIngestionWorker", "telemetryWorker", "webConsole", "docs", "migrations", "timescaledb", "nats",
    "mockMqttBroker",
)  # fmt: skip
_KEY = re.compile(r"^( *)([A-Za-z_][\w.]*):(.*)$")
_COMMENT = re.compile(r"^ *# ?(.*)$")

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Value:
    """A key of values.yaml: its path with dots, its comment, and its value as written; "" for a mapping of keys."""

    path: str
    comment: str
    default: str

    @property
    def component(self) -> str | None:
        """The component whose block holds the key, if one does."""
        first = self.path.partition(".")[0]
        return first if first in COMPONENTS else None

    @property
    def key(self) -> str:
        """The path within the component's block, or the whole path."""
        return self.path.partition(".")[2] if self.component else self.path


def values() -> list[Value]:
    """Every key of values.yaml in its order. A comment belongs to the key below it."""
    found: list[Value] = []
    path: list[str] = []
    comment: list[str] = []
    for line in (CHART / "values.yaml").read_text().splitlines():
        if key := _KEY.match(line):
            depth = len(key[1]) // 2
            path = [*path[:depth], key[2]]
            found.append(Value(".".join(path), " ".join(comment), key[3].strip()))
            comment = []
        elif text := _COMMENT.match(line):
            comment.append(text[1].strip())
        else:
            comment = []
    return found


# ── schema ───────────────────────────────────────────────────────────────────────────────────────
def schema() -> Schema:
    """The JSON schema of the values, closed at every level; draft 7, which Helm 3 and 4 both read."""
    configuration = _configuration()
    definitions = configuration.pop("definitions")
    written = cast("dict[str, Any]", YAML(typ="safe").load(CHART / "values.yaml"))  # pyright: ignore[reportUnknownMemberType]
    comments = {value.path: value.comment for value in values()}
    properties = {
        name: {"anyOf": [configuration, {"type": "null"}], "description": comments[name]}
        if name == "config"
        else _of(name, value, comments)
        for name, value in written.items()
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of sens-platform",
        "type": "object",
        "additionalProperties": False,
        "properties": {**properties, "global": {"type": "object"}},
        "definitions": definitions,
    }


def _of(path: str, value: Any, comments: Mapping[str, str]) -> Schema:
    """The schema of one key: what is declared for its name, else by the type of its default."""
    declared = _declared(path)
    if declared is None and isinstance(value, dict) and value:
        inner = cast("dict[str, Any]", value)
        declared = _closed([], {key: _of(f"{path}.{key}", each, comments) for key, each in inner.items()})
    return {**(declared or _by_type(path, value)), **({"description": comments[path]} if comments.get(path) else {})}


def _declared(path: str) -> Schema | None:
    """The rule for the longest end of the path that has one."""
    parts = path.split(".")
    ends = (".".join(parts[start:]) for start in range(len(parts)))
    return next((RULES[end] for end in ends if end in RULES), None)


def _by_type(path: str, value: Any) -> Schema:
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int):
        return {"type": "integer", "minimum": 0}
    if isinstance(value, str):
        return {"type": "string"}
    raise TypeError(f"{path}: give it a rule in RULES; its default does not tell what it may be")


def _list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _closed(required: list[str], properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": dict(properties)}


_TEXT: Schema = {"type": "string", "minLength": 1}
_SCALAR: Schema = {"type": ["string", "number", "boolean"]}
_TEXTS_BY_NAME: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_OBJECT: Schema = {"type": "object"}  # checked by Kubernetes itself
_CIDR: Schema = {"type": "string", "pattern": "^[0-9a-fA-F:.]+/[0-9]{1,3}$"}
_PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
_QUANTITY: Schema = {"type": ["string", "integer"], "pattern": "^[0-9]+(\\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$"}
_WHOLE_QUANTITY: Schema = {"type": "string", "pattern": "^[1-9][0-9]*(Ki|Mi|Gi|Ti)$"}
_ENV_NAME: Schema = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}
_POSITIVE: Schema = {"type": "integer", "minimum": 1}
_USER: Schema = {"type": "integer", "minimum": 1}
_EXPRESSION: Schema = _closed(
    ["key", "operator"],
    {"key": _TEXT, "operator": {"enum": ["In", "NotIn", "Exists", "DoesNotExist"]}, "values": _list_of(_TEXT)},
)
_SELECTOR: Schema = _closed([], {"matchLabels": _TEXTS_BY_NAME, "matchExpressions": _list_of(_EXPRESSION)})
_ADDRESSES: Schema = _closed(["cidr"], {"cidr": _CIDR, "except": _list_of(_CIDR)})
_PEERS: Schema = _list_of(
    _closed([], {"namespaceSelector": _SELECTOR, "podSelector": _SELECTOR, "ipBlock": _ADDRESSES})
)
_EGRESS: Schema = _list_of(_closed(["to", "ports"], {"to": _PEERS, "ports": {**_list_of(_PORT), "minItems": 1}}))

RULES: dict[str, Schema] = {
    "environment": {"enum": ["local", "test", "staging", "production"]},
    "imageRegistry": _TEXT,
    "image.repository": _TEXT,
    "digest": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
    "pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "imagePullSecrets": _list_of(_TEXT),
    "targetCPUUtilizationPercentage": {"type": "integer", "minimum": 1, "maximum": 1000},
    "minReplicas": _POSITIVE,
    "maxReplicas": _POSITIVE,
    "env": {"type": "object", "propertyNames": _ENV_NAME, "additionalProperties": _SCALAR},
    "envFrom": _list_of(
        _closed([], {"secretRef": _OBJECT, "configMapRef": _OBJECT, "prefix": _TEXT, "version": _TEXT})
    ),
    "secretRefs": _list_of(
        _closed(["env", "secret", "key"], {"env": _ENV_NAME, "secret": _TEXT, "key": _TEXT, "version": _TEXT})
    ),
    "service.type": {"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
    "port": _PORT,
    "annotations": _TEXTS_BY_NAME,
    "monitoring.annotations": {"type": "boolean"},
    "podAnnotations": _TEXTS_BY_NAME,
    "labels": _TEXTS_BY_NAME,
    "nodeSelector": _TEXTS_BY_NAME,
    "tolerations": _list_of(_OBJECT),
    "affinity": _OBJECT,
    "hosts": _list_of({"type": "string", "pattern": "^(\\*\\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"}),
    "paths": {**_list_of({"type": "string", "pattern": "^/[^ ]*$"}), "minItems": 1},
    "cpu": _QUANTITY,
    "memory": _QUANTITY,
    "size": _WHOLE_QUANTITY,
    "maxSize": _WHOLE_QUANTITY,
    "maxQueuedSize": _WHOLE_QUANTITY,
    "sharedMemory": _WHOLE_QUANTITY,
    "accessModes": _list_of({"enum": ["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"]}),
    "periodSeconds": _POSITIVE,
    "timeoutSeconds": _POSITIVE,
    "failureThreshold": _POSITIVE,
    "maxUnavailable": _POSITIVE,
    "maxSkew": _POSITIVE,
    "whenUnsatisfiable": {"enum": ["ScheduleAnyway", "DoNotSchedule"]},
    "runAsUser": _USER,
    "runAsGroup": _USER,
    "fsGroup": _USER,
    "extraVolumes": _list_of(
        _closed(
            ["name", "mountPath", "volume"],
            {
                "name": _TEXT,
                "mountPath": {"type": "string", "pattern": "^/"},
                "subPath": _TEXT,
                "volume": _OBJECT,
                "version": _TEXT,
            },
        )
    ),
    "trustedProxies": _list_of(_CIDR),
    "mode": {"enum": ["embedded", "external"]},
    "sslMode": {"enum": ["disable", "require", "verify-ca", "verify-full"]},
    "database": {"type": "string", "pattern": "^[a-z_][a-z0-9_]{0,62}$"},
    "roles.owner": {"type": "string", "pattern": "^[a-z_][a-z0-9_]{0,62}$"},
    "roles.writer": {"type": "string", "pattern": "^[a-z_][a-z0-9_]{0,62}$"},
    "roles.reader": {"type": "string", "pattern": "^[a-z_][a-z0-9_]{0,62}$"},
    "roles.backup": {"type": "string", "pattern": "^[a-z_][a-z0-9_]{0,62}$"},
    "roles.monitor": {"type": "string", "pattern": "^[a-z_][a-z0-9_]{0,62}$"},
    "settings": {"type": "object", "additionalProperties": _SCALAR},
    "stream.replicas": {"enum": [1, 3, 5]},
    "networkPolicy.dns": _PEERS,
    "networkPolicy.ingressController": _PEERS,
    "networkPolicy.scraper": _PEERS,
    "egress.brokers": _EGRESS,
    "egress.database": _EGRESS,
    "egress.nats": _EGRESS,
    "rate": {"type": "number", "exclusiveMinimum": 0},
    "devices": _POSITIVE,
    "interval": {"type": "string", "pattern": "^[1-9][0-9]*(ms|s|m|h)$"},
}
"""What a key may hold, by the end of its path; what has no rule is what its default is: boolean, text, whole number."""


def _configuration() -> Schema:
    """The schema of `sens.yaml`, as `sens check` has it, in the words of draft 7."""
    text = json.dumps(Configuration.model_json_schema()).replace("#/$defs/", "#/definitions/")
    document: Schema = json.loads(text)
    document["definitions"] = document.pop("$defs")
    source = document["definitions"]["Source"]["properties"]
    source["mqtt_version"] = {"enum": [5, "5", "3.1.1"], "description": source["mqtt_version"]["description"]}
    _open_to_options(document["definitions"])
    return document


def _open_to_options(definitions: Schema) -> None:
    """Let a topic have the options of its decoder, and no others, beside its own keys."""
    topic = definitions["Topic"]
    del topic["properties"]["options"]
    own = [name for name in Topic.model_fields if name != "options"]
    topic["additionalProperties"] = True
    topic["allOf"] = [
        {
            "if": {"properties": {"decoder": {"const": name}}, "required": ["decoder"]},
            "then": {"properties": options, "propertyNames": {"enum": [*own, *options]}},
        }
        for name, options in _decoder_options(definitions)
    ]
    topic["properties"]["decoder"] = {"enum": [*sorted(DECODERS), None]}


def _decoder_options(definitions: Schema) -> Iterator[tuple[str, Schema]]:
    for name in sorted(DECODERS):
        text = json.dumps(DECODERS[name].options.model_json_schema()).replace("#/$defs/", f"#/definitions/{name}-")
        model: Schema = json.loads(text)
        definitions.update({f"{name}-{key}": value for key, value in model.pop("$defs", {}).items()})
        yield name, model["properties"]


def schema_text() -> str:
    """What values.schema.json holds."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


# ── tables ───────────────────────────────────────────────────────────────────────────────────────
def tables() -> str:
    """Every value in Markdown: of the whole platform, of all components, and each component's own."""
    every = [value for value in values() if value.default]
    blocks = {name: {v.key: v for v in every if v.component == name} for name in COMPONENTS}
    shared = set[str].intersection(*(set(block) for block in blocks.values()))
    first = blocks[COMPONENTS[0]]
    parts = [
        "## The whole platform", _table([v for v in every if v.component is None]),
        "## Every component",
        f"Each of {', '.join(f'`{name}`' for name in COMPONENTS)} has these keys. Defaults are those of `platformApi`.",
        _table([Value(key, first[key].comment, first[key].default) for key in first if key in shared]),
    ]  # fmt: skip
    for name, block in blocks.items():
        own = [value for key, value in block.items() if key not in shared or _differs(value, first[key])]
        parts += [f"## `{name}`", _about(name), _table(own)]
    return "\n\n".join(parts) + "\n"


def _differs(value: Value, first: Value) -> bool:
    return (value.comment, value.default) != (first.comment, first.default)


def _about(component: str) -> str:
    return next(value.comment for value in values() if value.path == component)


def _table(rows: list[Value]) -> str:
    lines = [f"| `{row.path}` | {_code(row.default)} | {row.comment.replace('|', chr(92) + '|')} |" for row in rows]
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *lines])


def _code(text: str) -> str:
    return f"`{text}`" if text not in ('""', "null") else ""


def readme() -> str:
    """The chart's README."""
    head = (CHART / "README.head.md").read_text()
    return f"{head}\n{tables()}"
