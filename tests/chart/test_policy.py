"""Every pod that the chart makes keeps the restricted Pod Security Standard and the house's own rules."""

import re
from typing import Any

import pytest

from chart.variants import EVERY_RENDER, rendered
from helm import CHART, VALUES, Object, Pod, of_kind, pods, render

PODS = {f"{name}-{pod.component}": pod for name in EVERY_RENDER for pod in pods(rendered(name))}
ALL_PODS = [pytest.param(pod, id=name) for name, pod in PODS.items()]
# A probe could only end a migration half-way: the exit code tells that it is done, --timeout ends it if it hangs.
STAYING = [pytest.param(pod, id=name) for name, pod in PODS.items() if pod.kind != "Job"]


@pytest.mark.parametrize("pod", ALL_PODS)
def test_it_keeps_the_restricted_standard(pod: Pod) -> None:
    security = pod.spec["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.spec.keys()
    allowed = {
        "configMap",
        "secret",
        "emptyDir",
        "projected",
        "persistentVolumeClaim",
        "downwardAPI",
        "csi",
        "ephemeral",
    }
    for volume in pod.spec.get("volumes", []):
        assert set(volume) - {"name"} <= allowed
    for container in pod.containers:
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert own["readOnlyRootFilesystem"] is True
        assert own.get("runAsUser", security["runAsUser"]) > 0
        assert all("hostPort" not in port for port in container.get("ports", []))


@pytest.mark.parametrize("pod", ALL_PODS)
def test_it_has_no_token_and_no_service_links(pod: Pod) -> None:
    assert pod.spec["automountServiceAccountToken"] is False
    assert pod.spec["enableServiceLinks"] is False
    assert "serviceAccountName" not in pod.spec


@pytest.mark.parametrize("pod", ALL_PODS)
def test_every_container_has_requests_and_a_memory_limit(pod: Pod) -> None:
    for container in pod.containers:
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("pod", STAYING)
def test_every_container_that_stays_up_has_probes(pod: Pod) -> None:
    for container in pod.spec["containers"]:
        # It serves nobody and listens nowhere, so there is nothing to ask; when it fails it ends and is started again.
        if container["name"] != "simulator":
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()


@pytest.mark.parametrize("pod", ALL_PODS)
def test_only_memory_and_claims_are_written_to(pod: Pod) -> None:
    """A mount that is not read-only is an emptyDir or the data."""
    volumes: dict[str, Object] = {volume["name"]: volume for volume in pod.spec.get("volumes", [])}
    for container in pod.containers:
        for mount in container.get("volumeMounts", []):
            volume = volumes.get(mount["name"], {"persistentVolumeClaim": {}})
            assert mount.get("readOnly") is True or "emptyDir" in volume or mount["name"] == "data"


@pytest.mark.parametrize("name", EVERY_RENDER)
def test_no_secret_stands_in_the_chart(name: str) -> None:
    assert not of_kind(rendered(name), "Secret")
    for pod in pods(rendered(name)):
        for container in pod.containers:
            for entry in container.get("env", []):
                looks_secret = re.search(r"PASS|TOKEN|SECRET|KEY|CREDENTIALS", entry["name"])
                if looks_secret and "value" in entry:
                    # A path of a mounted Secret, or another variable that comes from one.
                    assert entry["value"].startswith("/") or entry["value"] == "'$(NATS_PASSWORD)'", entry
                assert "password=" not in entry.get("value", "")


@pytest.mark.parametrize("name", VALUES)
def test_every_image_comes_from_the_values(name: str) -> None:
    """Each image can be mirrored: another repository in the values reaches every container."""
    moved = {"image": {"repository": "mirror/x"}}
    overrides: dict[str, Any] = {
        key: dict(moved)
        for key in (
            "platformApi",
            "mqttIngestionWorker",
            "telemetryWorker",
            "webConsole",
            "docs",
            "migrations",
            "timescaledb",
            "nats",
        )
    }
    overrides["mockMqttBroker"] = {**moved, "simulator": moved}
    for key in ("timescaledb", "nats"):
        overrides[key] = {**moved, "exporter": moved}
    for pod in pods(render(name, overrides)):
        assert all("mirror/x:" in container["image"] for container in pod.containers)


@pytest.mark.parametrize("pod", ALL_PODS)
def test_our_own_processes_need_no_shell(pod: Pod) -> None:
    for container in pod.containers:
        if container["image"].startswith("ghcr.io/sens-platform/"):
            assert "command" not in container
            assert "lifecycle" not in container
            assert not any(
                "exec" in container.get(probe, {}) for probe in ("startupProbe", "livenessProbe", "readinessProbe")
            )


def test_nothing_is_looked_up_or_generated_while_rendering() -> None:
    for path in (CHART / "templates").iterdir():
        for word in ("lookup ", "randAlpha", "genSignedCert", "genPrivateKey", "uuidv4", "now "):
            assert not re.search(rf"{{{{[^}}]*\b{re.escape(word)}", path.read_text()), (path.name, word)


def test_the_embedded_database_keeps_its_data_below_the_mount_and_ends_fast() -> None:
    """On local-path the mount is root's and can't be given away; and SIGTERM would wait for every client."""
    database = next(pod for pod in pods(render("production")) if pod.component == "timescaledb")
    server = database.spec["containers"][0]
    mount = next(each for each in server["volumeMounts"] if each["name"] == "data")
    data = next(each["value"] for each in server["env"] if each["name"] == "PGDATA")
    assert data.startswith(mount["mountPath"] + "/")
    assert "kill -INT 1" in server["lifecycle"]["preStop"]["exec"]["command"][-1]
    memory = next(volume for volume in database.spec["volumes"] if volume["name"] == "shared-memory")
    assert memory["emptyDir"]["medium"] == "Memory"
    assert "timescaledb.telemetry_level=off" in server["args"]


def test_the_embedded_log_is_synced_before_it_confirms() -> None:
    config = next(
        each for each in of_kind(render("production"), "ConfigMap") if each["metadata"]["name"] == "sens-nats-config"
    )
    assert "sync_interval: always" in config["data"]["nats.conf"]
