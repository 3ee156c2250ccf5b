"""The life of a release on a real cluster, in order: install, look at it, break it, change it, upgrade it while
readings flow, go back, and take it away. Nothing that was acknowledged is ever missing."""

import json
import os
import subprocess
from typing import Any

import httpx
import pytest

from helm import Pod, helm, objects, pods
from helm_edges import edges, listening
from kube import Object, Release, eventually

FIRST = os.environ.get("CLUSTER_TAG", "")
SECOND = os.environ.get("CLUSTER_NEXT_TAG", "")
INGRESS = os.environ.get("CLUSTER_INGRESS", "")
CONSOLE_HOST = "console.dev.example.org"
API_HOST, DOCS_HOST = "api.dev.iot-sens.schlossers.at", "docs.dev.iot-sens.schlossers.at"
VALUES: dict[str, Any] = {
    "imageTag": FIRST,
    # Certificates are cert-manager's, which the cluster need not have.
    "platformApi": {"ingress": {"tls": {"enabled": False}}},
    "docs": {"ingress": {"tls": {"enabled": False}}},
    "webConsole": {"ingress": {"enabled": True, "className": "traefik", "hosts": [CONSOLE_HOST]}},
}
ADMIN = {"username": "admin", "password": "correct horse battery staple"}


class Api:
    """The platform's API through the cluster, with an API key made as a person makes it."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._key = ""

    def get(self, path: str) -> Any:
        """A JSON answer."""
        with self._release.forwarded("platform-api") as url:
            answer = httpx.get(f"{url}{path}", headers={"authorization": f"Bearer {self._key}"}, timeout=20)
            answer.raise_for_status()
            return answer.json()

    def make_key(self) -> None:
        """The first admin by the setup token, then a key in that session."""
        with self._release.forwarded("platform-api") as url, httpx.Client(base_url=url, timeout=20) as client:
            made = client.post("/api/v1/setup", json={"token": self._release.setup_token, **ADMIN})
            made.raise_for_status()
            csrf = {"x-csrf-token": made.json()["csrf_token"]}
            key = client.post("/api/v1/api-keys", json={"name": "cluster-test", "scope": "admin"}, headers=csrf)
            key.raise_for_status()
            self._key = key.json()["key"]

    def ledger(self) -> Object:
        """The simulator's line of the ledger."""
        return next(each for each in self.get("/api/v1/ledger")["sources"] if each["source"] == "simulator")


@pytest.fixture(scope="module")
def api(release: Release) -> Api:
    return Api(release)


def flows_on(api: Api, at_least: int = 20) -> Object:
    """Wait until as many messages more were received; the ledger must balance at every look."""
    before = eventually(api.ledger, "the ledger")

    def more() -> Object | None:
        now = api.ledger()
        assert now["lost"] == 0
        assert now["balanced"]
        return now if now["received"] >= before["received"] + at_least else None

    return eventually(more, "readings to flow")


def version(api: Api) -> str:
    return api.get("/version")["version"]


def test_it_installs(release: Release) -> None:
    assert FIRST, "name the tag of the images to install in CLUSTER_TAG"
    release.upgrade(VALUES)
    release.wait_ready()
    restarts = {
        pod["metadata"]["name"]: [each["restartCount"] for each in pod["status"].get("containerStatuses", [])]
        for pod in release.pods()
    }
    assert not any(count for counts in restarts.values() for count in counts), restarts


def test_the_first_admin_makes_a_key_and_sees_readings_arrive(api: Api) -> None:
    api.make_key()
    entry = flows_on(api)
    assert entry["decoded"] > 0
    assert eventually(lambda: api.get("/api/v1/devices?limit=5")["items"], "devices to be found")
    assert version(api) == FIRST


def test_console_docs_and_probes_are_reached_through_the_ingress_and_metrics_are_not(release: Release) -> None:
    if not INGRESS:
        pytest.skip("NOT TESTED: name the address of the ingress controller in CLUSTER_INGRESS")

    def page(host: str, path: str) -> httpx.Response:
        return httpx.get(f"http://{INGRESS}{path}", headers={"host": host}, timeout=10)

    console = eventually(lambda: _well(page(CONSOLE_HOST, "/")), "the console")
    assert '<div id="root">' in console.text
    assert "default-src 'none'" in console.headers["content-security-policy"]
    assert page(CONSOLE_HOST, "/api/v1/devices").status_code == 401
    assert "SENS Platform" in eventually(lambda: _well(page(DOCS_HOST, "/")), "the docs").text
    for path in ("/healthz", "/readyz", "/version"):
        assert page(API_HOST, path).status_code == 200, path
    for path in ("/metrics", "/api/v1/devices", "/"):
        assert page(API_HOST, path).status_code == 404, path
    assert page(CONSOLE_HOST, "/metrics").headers["content-type"].startswith("text/html")


def _well(answer: httpx.Response) -> httpx.Response | None:
    return answer if answer.status_code == 200 else None


PROBE = """
import json, socket, sys, time
from concurrent.futures import ThreadPoolExecutor
def open_(target):
    with socket.socket() as s:
        s.settimeout(3)
        return s.connect_ex((target[1], target[2])) == 0
targets = json.loads(sys.argv[1])
time.sleep(10)  # network plug-ins take a moment until a new pod's policies hold
with ThreadPoolExecutor(32) as pool:
    print(json.dumps([t[0::2] for t, found in zip(targets, pool.map(open_, targets)) if found]))
"""


def _probe(name: str, labels: dict[str, str], image: str, targets: list[list[Any]]) -> Object:
    """A pod that tells which targets it reaches: with a component's labels, but never ready, so no Service finds it."""
    container: Object = {
        "name": "probe", "image": image, "command": ["python3", "-c", PROBE, json.dumps(targets)],
        "readinessProbe": {"tcpSocket": {"port": 9}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }  # fmt: skip
    security = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
        "spec": {
            "restartPolicy": "Never", "automountServiceAccountToken": False, "enableServiceLinks": False,
            "securityContext": security, "containers": [container],
        },
    }  # fmt: skip


def test_every_edge_outside_the_data_path_is_closed(release: Release) -> None:
    rendered = objects(release.render(VALUES))
    made: dict[str, Pod] = {pod.component: pod for pod in pods(rendered)}
    addresses = {name: release.pods(name)[0]["status"]["podIP"] for name in made if name != "migrations"}
    targets = [[name, address, port] for name, address in addresses.items() for port in sorted(listening(made[name]))]
    # A pod of another namespace, on a port that is not DNS; not the API server, for a pod may reach its own node.
    dns = ("--namespace", "kube-system", "pods", "--selector", "k8s-app=kube-dns")
    targets.append(["elsewhere", release.get(*dns)["items"][0]["status"]["podIP"], 9153])
    image = made["platform-api"].spec["containers"][0]["image"]
    sources = {name: dict(pod.labels) for name, pod in made.items()} | {"neighbour": {"app": "neighbour"}}
    for name, labels in sources.items():
        release.apply(_probe(f"probe-{name}", labels, image, targets))
    expected = {edge for edge in edges(rendered) if edge[0] in sources and edge[1] in addresses}
    found: set[tuple[str, str, int]] = set()
    for name in sources:
        eventually(lambda pod=f"probe-{name}": _over(release, pod), f"the probe as {name}")
        found |= {(name, target, port) for target, port in json.loads(release.kubectl("logs", f"probe-{name}"))}
        release.kubectl("delete", "pod", f"probe-{name}", "--wait=false")
    # A neighbour is bound by no policy of ours: it may reach what is not ours.
    found.discard(("neighbour", "elsewhere", 9153))
    # Within one pod, or to itself, nothing is filtered.
    assert {edge for edge in found if edge[0] != edge[1]} ^ expected == set()


def _over(release: Release, name: str) -> bool:
    return release.get("pod", name)["status"]["phase"] == "Succeeded"


def test_every_pod_may_be_deleted_and_nothing_is_lost(release: Release, api: Api) -> None:
    for pod in release.pods():
        component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
        if component == "migrations":
            continue
        release.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=true")
        release.wait_ready()
        flows_on(api, at_least=5)


def test_a_changed_configuration_rolls_exactly_those_who_read_it(release: Release, api: Api) -> None:
    before = release.uids()
    release.upgrade({**VALUES, "config": {"retention": {"raw": "60d"}}})
    release.wait_ready()
    after = release.uids()
    rolled = {name for name in after if after[name] != before[name]}
    assert rolled == {"platform-api", "telemetry-worker", "mqtt-ingestion-worker"}
    flows_on(api)


def test_workers_are_scaled_while_readings_flow(release: Release, api: Api) -> None:
    scaled = {"telemetryWorker": {"replicas": 2}, "mqttIngestionWorker": {"replicas": 2}}
    release.upgrade({**VALUES, **scaled})
    release.wait_ready()
    flows_on(api)
    release.kubectl("delete", "pod", f"{release.name}-mqtt-ingestion-worker-0", "--wait=false")
    flows_on(api)
    release.wait_ready()
    release.upgrade(VALUES)
    release.wait_ready()
    flows_on(api)


@pytest.fixture(scope="module")
def next_tag() -> str:
    if not SECOND:
        pytest.skip("NOT TESTED: name the tag of a second version in CLUSTER_NEXT_TAG")
    return SECOND


def test_it_is_upgraded_while_readings_flow(release: Release, api: Api, next_tag: str) -> None:
    release.upgrade({**VALUES, "imageTag": next_tag})
    release.wait_ready()
    eventually(lambda: version(api) == next_tag, "the next version to answer")
    flows_on(api)


def test_it_goes_back_to_the_version_before(release: Release, api: Api, next_tag: str) -> None:
    release.helm("rollback", release.name, "--wait", "--wait-for-jobs", "--timeout", "600s")
    release.wait_ready()
    eventually(lambda: version(api) == FIRST, "the version before to answer")
    flows_on(api)


def test_migrations_run_again_by_the_command_that_the_notes_tell(release: Release, api: Api) -> None:
    notes = release.helm("get", "notes", release.name)
    command = next(
        line.strip() for line in notes.splitlines() if line.strip().startswith("kubectl") and "delete job" in line
    )
    script = command.replace("&& helm ", f"&& {helm(4)} ")
    before = _succeeded_jobs(release)
    subprocess.run(["bash", "-o", "pipefail", "-c", script], check=True, timeout=120)
    again = eventually(lambda: _succeeded_jobs(release), "the migrations to run again")
    assert len(again) == 1
    assert not again & before
    flows_on(api)


def _succeeded_jobs(release: Release) -> set[str]:
    """Unique ids of the Jobs that are done."""
    return {job["metadata"]["uid"] for job in release.get("jobs")["items"] if job["status"].get("succeeded")}


def test_uninstalled_it_leaves_its_data_and_installed_again_it_goes_on_with_it(release: Release, api: Api) -> None:
    received = flows_on(api)["received"]
    release.helm("uninstall", release.name, "--wait")
    claims = {claim["metadata"]["name"] for claim in release.get("persistentvolumeclaims")["items"]}
    assert claims == {f"data-{release.name}-{each}-0" for each in ("timescaledb", "nats", "mock-mqtt-broker")}
    assert not release.pods()
    release.upgrade(VALUES)
    release.wait_ready()
    entry = flows_on(api)
    assert entry["received"] > received
