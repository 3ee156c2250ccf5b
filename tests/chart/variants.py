"""What the chart is rendered with in tests: every environment and example, and variants that none of them is."""

import json
from typing import Any

from helm import VALUES, Object, objects, render_text

PUBLISHED = ("platformApi", "webConsole", "docs")
SCALED = ("platformApi", "telemetryWorker", "webConsole", "docs")
EVERY = (*SCALED, "mqttIngestionWorker", "migrations", "timescaledb", "nats", "mockMqttBroker")
PLACED: dict[str, Any] = {
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "sens", "operator": "Exists"}],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}]
            }
        }
    },
    "topologySpread": {"enabled": True},
    "imagePullSecrets": ["registry"],
    "podAnnotations": {"example.org/team": "a"},
    "env": {"SENS_LOG_LEVEL": "debug"},
    "envFrom": [{"configMapRef": {"name": "more"}}],
    "secretRefs": [{"env": "MORE", "secret": "more", "key": "more"}],
    "extraVolumes": [{"name": "ca", "mountPath": "/run/ca", "volume": {"secret": {"secretName": "ca"}}}],
}
ADDRESSES = [{"to": [{"ipBlock": {"cidr": "198.51.100.0/24", "except": ["198.51.100.9/32"]}}], "ports": [4222, 5432]}]
PLAIN_DATABASE = {"mode": "external", "external": {"host": "db.example.org", "sslMode": "require"}}
PLAIN_NATS = {
    "mode": "external",
    "external": {"hosts": ["nats.example.org"], "tls": False},
    "auth": {"existingSecret": ""},
}

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    # name: (environment, values over its own)
    "autoscaled": ("ha", {key: {"autoscaling": {"enabled": True}} for key in SCALED}),
    "credentials": ("ha", {"nats": {"auth": {"credentialsKey": "sens.creds"}}}),
    "nothing-persists": (
        "test",
        {key: {"persistence": {"enabled": False}} for key in ("timescaledb", "nats", "mockMqttBroker")},
    ),
    "monitored": (
        "test",
        {
            "monitoring": {
                "annotations": False,
                "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
                "rules": {"enabled": True, "labels": {"release": "prometheus"}},
                "dashboards": {"enabled": True},
            }
        },
    ),
    "unmonitored": ("test", {"monitoring": {"annotations": False}, "timescaledb": {"metrics": {"enabled": False}}}),
    "external-without-certificates": (
        "production",
        {
            "timescaledb": PLAIN_DATABASE,
            "nats": PLAIN_NATS,
            "networkPolicy": {"egress": {"database": ADDRESSES, "nats": ADDRESSES}},
        },
    ),
    "external-database-only": (
        "production",
        {"timescaledb": PLAIN_DATABASE, "networkPolicy": {"egress": {"database": ADDRESSES}}},
    ),
    "every-ingress": (
        "test",
        {
            key: {"ingress": {"enabled": True, "hosts": [f"{key.lower()}.example.org", f"*.{key.lower()}.example.org"]}}
            for key in PUBLISHED
        },
    ),
    "placed": ("test", dict.fromkeys(EVERY, PLACED)),
    "disrupted": ("test", {key: {"pdb": {"enabled": True}} for key in EVERY if key != "migrations"}),
    "open-network": ("test", {"networkPolicy": {"enabled": False}}),
}

EVERY_RENDER = [*VALUES, *VARIANTS]
"""Names of all that `rendered()` knows."""


def rendered_text(name: str, *, major: int = 4) -> str:
    """An environment, an example or a variant as Helm prints it."""
    environment, overrides = VARIANTS.get(name, (name, {}))
    return render_text(environment, json.dumps(overrides), major=major)


def rendered(name: str) -> list[Object]:
    """As `rendered_text()`, parsed."""
    return objects(rendered_text(name))
