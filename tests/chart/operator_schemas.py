"""What the chart uses of the Prometheus operator's API (monitoring.coreos.com/v1), closed: other fields are refused."""

from typing import Any

Schema = dict[str, Any]


def _closed(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [*required],
        "properties": {**required, **(optional or {})},
    }


_NAME: Schema = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"}
_TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_DURATION: Schema = {"type": "string", "pattern": "^(0|(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$"}
_METADATA = _closed({"name": _NAME, "namespace": _NAME, "labels": _TEXTS}, {"annotations": _TEXTS})


def _kind(name: str, spec: Schema) -> Schema:
    return _closed(
        {
            "apiVersion": {"const": "monitoring.coreos.com/v1"},
            "kind": {"const": name},
            "metadata": _METADATA,
            "spec": spec,
        }
    )


_ENDPOINT = _closed(
    {"port": {"type": "string", "maxLength": 15}, "path": {"type": "string", "pattern": "^/"}, "interval": _DURATION}
)
_RULE = _closed(
    {
        "alert": {"type": "string", "pattern": "^[A-Za-z]+$"},
        "expr": {"type": "string", "minLength": 1},
        "labels": _TEXTS,
        "annotations": _TEXTS,
    },
    {"for": _DURATION},
)
_GROUP = _closed(
    {"name": {"type": "string", "minLength": 1}, "rules": {"type": "array", "minItems": 1, "items": _RULE}}
)

SCHEMAS = {
    "PodMonitor": _kind(
        "PodMonitor",
        _closed(
            {
                "selector": _closed({"matchLabels": _TEXTS}),
                "podMetricsEndpoints": {"type": "array", "minItems": 1, "items": _ENDPOINT},
            }
        ),
    ),
    "PrometheusRule": _kind("PrometheusRule", _closed({"groups": {"type": "array", "minItems": 1, "items": _GROUP}})),
}
"""The schema of each kind of the operator's that the chart makes."""
