"""A changed configuration or Secret rolls exactly the pods that read it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import chart_values
from command_line import Sens
from helm import Object, Pod, of_kind, pods, render

READERS_OF_CONFIG = {"mqtt-ingestion-worker", "telemetry-worker", "platform-api"}
MOCK_BROKER = "mqtt://sens-mock-mqtt-broker:1883"
SECRETS = {
    "platformApi": {
        "setupToken": {"existingSecret": "setup", "key": "token"},
        "adminApiKey": {"existingSecret": "admin", "key": "key"},
    }
}
LISTS: dict[str, Any] = {
    "secretRefs": {"env": "A", "secret": "a", "key": "a"},
    "envFrom": {"secretRef": {"name": "a"}},
    "extraVolumes": {"name": "a", "mountPath": "/run/a", "volume": {"secret": {"secretName": "a"}}},
}
"""Entries by which any component reads a Secret of the user's."""


def _at(path: str, value: object) -> dict[str, Any]:
    """The value under a path with dots."""
    first, _, rest = path.partition(".")
    return {first: _at(rest, value) if rest else value}


def _rolled(before: list[Object], after: list[Object]) -> set[str]:
    """Components whose pods a change replaces."""
    old = list(pods(before))
    return {pod.component for pod in pods(after) if pod not in old}


def _read(pod: Pod) -> Iterator[tuple[str, str]]:
    """Each (Secret, key) that a pod reads."""
    for container in pod.containers:
        for entry in container.get("env", []):
            if reference := entry.get("valueFrom", {}).get("secretKeyRef"):
                yield reference["name"], reference["key"]
    for volume in pod.spec.get("volumes", []):
        for item in volume.get("secret", {}).get("items", []):
            yield volume["secret"]["secretName"], item["key"]


SECRET_VERSIONS = [
    # (environment, where the version stands, Secret, key)
    *(
        (environment, f"timescaledb.secretVersions.{role}", "sens-database", f"{role}-password")
        for environment in ("test", "ha")
        for role in ("admin", "owner", "writer", "reader", "backup", "monitor")
    ),
    ("ha", "timescaledb.external.caSecret.secretVersion", "sens-postgres-ca", "ca.crt"),
    ("test", "nats.auth.secretVersion", "sens-nats", "nats-password"),
    ("ha", "nats.external.caSecret.secretVersion", "nats-ca", "ca.crt"),
    ("test", "platformApi.setupToken.secretVersion", "setup", "token"),
    ("test", "platformApi.adminApiKey.secretVersion", "admin", "key"),
]


@pytest.mark.parametrize(("environment", "version", "secret", "key"), SECRET_VERSIONS)
def test_another_version_of_a_secret_rolls_exactly_the_pods_that_read_it(
    environment: str, version: str, secret: str, key: str
) -> None:
    before = render(environment, SECRETS)
    after = render(environment, _merged(SECRETS, _at(version, "2")))
    readers = {pod.component for pod in pods(before) if (secret, key) in _read(pod)}
    assert _rolled(before, after) == readers
    assert readers or (environment == "ha" and key in ("admin-password", "backup-password", "monitor-password"))


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = one | other
    return both | {
        key: _merged(one[key], other[key]) for key in one.keys() & other.keys() if isinstance(one[key], dict)
    }


def test_every_version_of_a_secret_in_the_values_is_changed_above() -> None:
    named = {value.path for value in chart_values.values() if "secretVersion" in value.path and value.default}
    assert named == {version for _, version, _, _ in SECRET_VERSIONS}


@pytest.mark.parametrize("component", ["mqttIngestionWorker", "telemetryWorker", "platformApi", "docs", "nats"])
@pytest.mark.parametrize("key", LISTS)
def test_another_version_of_what_a_component_reads_besides_rolls_that_component(key: str, component: str) -> None:
    first, second = (render("test", {component: {key: [LISTS[key] | {"version": version}]}}) for version in ("1", "2"))
    assert len(_rolled(first, second)) == 1


@pytest.mark.parametrize(
    ("change", "rolls"),
    [
        ({"config": {"retention": {"raw": "31d"}}}, READERS_OF_CONFIG),
        ({"networkPolicy": {"enabled": False}}, set()),
        ({"docs": {"podAnnotations": {"a": "b"}}}, {"docs"}),
    ],
)
def test_a_change_rolls_exactly_the_pods_that_read_it(change: dict[str, object], rolls: set[str]) -> None:
    assert _rolled(render("test"), render("test", change)) == rolls


def _configuration(rendered: list[Object]) -> tuple[str, str]:
    """Name and text of the one ConfigMap that every reader of the configuration mounts."""
    mounted = {
        volume["configMap"]["name"]
        for pod in pods(rendered)
        if pod.component in READERS_OF_CONFIG
        for volume in pod.spec.get("volumes", [])
        if volume["name"] == "config"
    }
    (name,) = mounted
    config = next(each for each in of_kind(rendered, "ConfigMap") if each["metadata"]["name"] == name)
    assert config["immutable"] is True
    return name, config["data"]["sens.yaml"]


def test_a_pod_that_is_not_replaced_keeps_its_configuration() -> None:
    (first, _), (again, _), (other, text) = (
        _configuration(render("test", {"config": {"retention": {"raw": raw}}})) for raw in ("31d", "31d", "32d")
    )
    assert first == again != other
    assert "32d" in text


@pytest.mark.parametrize("component", sorted(READERS_OF_CONFIG))
def test_the_configuration_is_checked_before_a_pod_starts(component: str, tmp_path: Path) -> None:
    """The init container's own command, on a configuration that the schema can't judge."""
    topics = [{"topic": topic, "decoder": "json"} for topic in ("sens/{device}/a", "sens/{device}/+")]
    rendered = render("test", {"config": {"sources": [{"name": "a", "broker": MOCK_BROKER, "topics": topics}]}})
    pod = next(pod for pod in pods(rendered) if pod.component == component)
    check = pod.spec["initContainers"][0]
    mount = next(mount for mount in check["volumeMounts"] if mount["name"] == "config")
    file = tmp_path / "sens.yaml"
    file.write_text(_configuration(rendered)[1])
    arguments = [each.replace(mount["mountPath"], str(tmp_path)) for each in check["args"]]
    done = Sens(tmp_path)(*arguments)
    assert done.returncode == 3
    line = next(number for number, text in enumerate(file.read_text().splitlines(), 1) if "{device}/+" in text)
    said = done.stdout.decode()
    assert said.startswith(f"{file}:{line}:")
    assert "overlaps 'sens/{device}/a'" in said
