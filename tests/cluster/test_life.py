"""The life of a release on a real cluster, in order: install, look at it, break it, change it, upgrade it while
readings flow, go back, and take it away. Nothing that was acknowledged is ever missing."""

import os
import subprocess
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import httpx
import pytest
from ruamel.yaml import YAML

from helm import CHART, MAJOR_VERSIONS, Pod, helm, objects, pods
from helm_edges import edges, listening
from kube import CommandFailed, Release, eventually
from kube_api import Api, flows_on
from kube_device import DEVICE, METRIC, CountingDevice
from kube_probe import Target, probe, unfiltered_by_kubernetes

FIRST = os.environ.get("CLUSTER_TAG", "")
SECOND = os.environ.get("CLUSTER_NEXT_TAG", "")
INGRESS = os.environ.get("CLUSTER_INGRESS", "")
INGRESS_CLASS = os.environ.get("CLUSTER_INGRESS_CLASS", "traefik")
CONSOLE_HOST = "console.dev.example.org"
API_HOST, DOCS_HOST = "api.dev.iot-sens.schlossers.at", "docs.dev.iot-sens.schlossers.at"
VALUES: dict[str, Any] = {
    "imageTag": FIRST,
    # Certificates are cert-manager's, which the cluster need not have.
    "platformApi": {"ingress": {"className": INGRESS_CLASS, "tls": {"enabled": False}}},
    "docs": {"ingress": {"className": INGRESS_CLASS, "tls": {"enabled": False}}},
    "webConsole": {"ingress": {"enabled": True, "className": INGRESS_CLASS, "hosts": [CONSOLE_HOST]}},
}
# How long what can't succeed is waited for.
GIVE_UP_S = 45.0
JOBS = ("migrations", "smoke-test")
READ_THE_SCHEMA = ("telemetry-worker", "platform-api")
READ_THE_CONFIGURATION = ("mqtt-ingestion-worker", *READ_THE_SCHEMA)
TOO_NEW = "needs a build that knows"


class Before(NamedTuple):
    """What the release was before it was upgraded: its revision, its commit, its pods."""

    revision: str
    git_sha: str
    uids: dict[str, set[str]]


@pytest.fixture(scope="module")
def api(release: Release) -> Api:
    return Api(release)


@pytest.fixture(scope="module")
def device(release: Release) -> CountingDevice:
    image = next(pod for pod in pods(objects(release.render(VALUES))) if pod.component == "platform-api")
    return CountingDevice(release, image.spec["containers"][0]["image"])


def test_it_installs(release: Release) -> None:
    assert FIRST, "name the tag of the images to install in CLUSTER_TAG"
    release.upgrade(VALUES)
    release.wait_ready()
    restarts = {
        pod["metadata"]["name"]: [each["restartCount"] for each in pod["status"].get("containerStatuses", [])]
        for pod in release.pods()
    }
    assert not any(count for counts in restarts.values() for count in counts), restarts


def test_the_first_admin_makes_a_key_and_sees_readings_arrive(api: Api, device: CountingDevice) -> None:
    device.start()
    api.make_key()
    entry = flows_on(api)
    assert entry["decoded"] > 0
    assert eventually(lambda: api.get("/api/v1/devices?limit=5")["items"], "devices to be found")
    eventually(lambda: api.values(DEVICE, METRIC), "readings of the device that counts")
    assert api.version == FIRST


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


def test_every_edge_outside_the_data_path_is_closed(release: Release) -> None:
    rendered = objects(release.render(VALUES))
    made: dict[str, Pod] = {pod.component: pod for pod in pods(rendered)}
    addresses = {name: release.pods(name)[0]["status"]["podIP"] for name in made if name not in JOBS}
    targets = [Target(name, addresses[name], port) for name in addresses for port in sorted(listening(made[name]))]
    # A pod of another namespace, on a port that is not DNS, and the API server.
    dns = release.get("--namespace", "kube-system", "pods", "--selector", "k8s-app=kube-dns")["items"][0]
    targets.append(Target("elsewhere", dns["status"]["podIP"], 9153))
    kubernetes = release.get("--namespace", "default", "service", "kubernetes")
    targets.append(Target("api-server", kubernetes["spec"]["clusterIP"], 443))
    image = made["platform-api"].spec["containers"][0]["image"]
    sources = {name: dict(pod.labels) for name, pod in made.items()} | {"neighbour": {"app": "neighbour"}}
    expected = {edge for edge in edges(rendered) if edge[0] in sources and edge[1] in addresses}
    found = probe(release, sources, image, targets)
    # A neighbour is bound by no policy of ours: it reaches what is not ours, so there is something to reach.
    not_ours = {("neighbour", "elsewhere", 9153), ("neighbour", "api-server", 443)}
    assert not_ours <= found
    # Within one pod, or to itself, nothing is filtered.
    unexpected = {edge for edge in found - not_ours if edge[0] != edge[1]} ^ expected
    assert unexpected - unfiltered_by_kubernetes(release, unexpected) == set()


def test_every_pod_may_be_deleted_and_nothing_is_lost(release: Release, api: Api) -> None:
    for each in release.pods():
        component = each["metadata"]["labels"]["app.kubernetes.io/component"]
        if component in JOBS:
            continue
        release.kubectl("delete", "pod", each["metadata"]["name"], "--wait=true")
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


def test_a_wrong_configuration_says_what_is_wrong_and_what_serves_readings_runs_on(release: Release, api: Api) -> None:
    running = release.uids()
    (source,) = YAML(typ="safe").load(CHART / "environments" / "test.yaml")["config"]["sources"]
    source["topics"].append({**source["topics"][0], "topic": "sens/+/telemetry"})
    with pytest.raises(CommandFailed):
        release.upgrade({**VALUES, "config": {"sources": [source]}}, timeout_s=GIVE_UP_S)
    why = "topic 'sens/+/telemetry' overlaps 'sens/{device}/telemetry'"
    for component in READ_THE_CONFIGURATION:
        eventually(lambda each=component: release.said(each, "check-configuration", why), f"{component} to say why")
    for component in READ_THE_SCHEMA:
        assert running[component] <= release.ready_uids(component)
    assert api.values(DEVICE, METRIC)
    release.upgrade(VALUES)
    release.wait_ready()
    flows_on(api)


def test_workers_are_scaled_while_readings_flow(release: Release, api: Api) -> None:
    scaled = {"telemetryWorker": {"replicas": 2}, "mqttIngestionWorker": {"replicas": 2}}
    release.upgrade({**VALUES, **scaled})
    release.wait_ready()
    flows_on(api)


def test_a_standby_takes_over_before_its_pod_is_back(release: Release, api: Api) -> None:
    workers = {pod["metadata"]["name"] for pod in release.pods("mqtt-ingestion-worker")}
    assert len(workers) == 2
    owner, _ = eventually(api.owner, "a worker to hold the source")
    (standby,) = workers - {owner}
    deleted = release.get("pod", owner)["metadata"]["uid"]
    release.kubectl("delete", "pod", owner, "--wait=false")

    def other() -> datetime | None:
        now = api.owner()
        return now[1] if now and now[0] == standby else None

    taken_over_at = eventually(other, "the standby to take the source over")
    eventually(lambda: release.get("pod", owner)["metadata"]["uid"] != deleted, "the pod to be made again")
    # Kubernetes tells whole seconds.
    assert taken_over_at.replace(microsecond=0) <= eventually(lambda: release.ready_since(owner), "the pod to be back")
    flows_on(api)
    release.wait_ready()
    owner_then, _ = eventually(api.owner, "a worker to hold the source")
    assert owner_then == standby, "the pod that came back left the source alone"
    release.upgrade(VALUES)
    release.wait_ready()
    flows_on(api)


@pytest.fixture(scope="module")
def next_tag() -> str:
    if not SECOND:
        pytest.skip("NOT TESTED: name the tag of a second version in CLUSTER_NEXT_TAG")
    return SECOND


@pytest.fixture(scope="module")
def before(release: Release, api: Api, next_tag: str) -> Before:
    """What runs before the upgrade."""
    assert next_tag != FIRST
    return Before(release.revision, api.get("/version")["git_sha"], release.uids())


def test_a_migration_that_fails_says_why_and_the_running_pods_go_on(
    release: Release, api: Api, next_tag: str, before: Before
) -> None:
    right = release.change_secret("sens-database", "admin-password", "wrong")
    try:
        with pytest.raises(CommandFailed):
            release.upgrade({**VALUES, "imageTag": next_tag, "migrations": {"backoffLimit": 0}}, timeout_s=GIVE_UP_S)
        why = "password authentication failed"
        eventually(lambda: release.said("migrations", "roles", why), "the migrations to say why they fail")
        # The next version's pods wait for its schema beside those that run.
        for component in READ_THE_SCHEMA:
            assert before.uids[component] <= release.ready_uids(component)
        assert api.version == FIRST
        flows_on(api)
    finally:
        release.change_secret("sens-database", "admin-password", right)


def test_mended_it_runs_again_by_the_command_that_the_notes_tell_and_the_upgrade_goes_on(
    release: Release, api: Api, next_tag: str, before: Before
) -> None:
    run_migrations_again(release)
    release.wait_rolled_out()
    eventually(lambda: api.version == next_tag, "the next version to answer")
    assert api.get("/version")["git_sha"] != before.git_sha
    flows_on(api)


def run_migrations_again(release: Release) -> None:
    """By the command in the notes, word for word."""
    notes = release.helm("get", "notes", release.name)
    command = next(
        line.strip() for line in notes.splitlines() if line.strip().startswith("kubectl") and "delete job" in line
    )
    script = command.replace("&& helm ", f"&& {helm(4)} ")
    done = _succeeded_jobs(release)
    subprocess.run(["bash", "-o", "pipefail", "-c", script], check=True, timeout=120)
    again = eventually(lambda: _succeeded_jobs(release), "the migrations to run again")
    assert len(again) == 1
    assert not again & done


def _succeeded_jobs(release: Release) -> set[str]:
    """Unique ids of the Jobs of the migrations that are done."""
    jobs = release.get("jobs", "--selector", "app.kubernetes.io/component=migrations")["items"]
    return {job["metadata"]["uid"] for job in jobs if job["status"].get("succeeded")}


@pytest.fixture
def schema_too_new(release: Release, before: Before) -> Iterator[None]:
    """As after a migration that the version before does not know how to live with."""
    oldest = release.sql("SELECT oldest_revision FROM storage")
    release.sql("UPDATE storage SET oldest_revision = (SELECT version_num FROM alembic_version)")
    yield
    release.sql(f"UPDATE storage SET oldest_revision = '{oldest}'")


@pytest.mark.usefixtures("schema_too_new")
def test_a_rollback_to_a_version_that_the_schema_is_too_new_for_is_refused_before_anything_moves(
    release: Release, api: Api, next_tag: str, before: Before
) -> None:
    newer = release.uids()
    staying = newer.keys() - set(JOBS)
    for major in MAJOR_VERSIONS:
        with pytest.raises(CommandFailed) as refusal:
            release.roll_back(before.revision, major=major)
        assert TOO_NEW in release.kubectl("logs", f"job/{release.name}-migrations-before-rollback")
        assert TOO_NEW in str(refusal.value) or major == 3, "Helm before 3.18 shows no logs of hooks"
        refused = release.uids()
        assert {name: refused[name] for name in staying} == {name: newer[name] for name in staying}
        release.forget_refused_rollback()
    assert api.version == next_tag
    flows_on(api)
    release.upgrade({**VALUES, "imageTag": next_tag})
    upgraded = release.uids()
    assert {name: upgraded[name] for name in staying} == {name: newer[name] for name in staying}


@pytest.mark.usefixtures("schema_too_new")
def test_forced_to_go_back_what_reads_the_schema_says_so_and_runs_on(
    release: Release, api: Api, next_tag: str, before: Before
) -> None:
    newer = release.uids()
    with pytest.raises(CommandFailed):
        release.roll_back(before.revision, "--no-hooks", timeout_s=GIVE_UP_S)
    for component in READ_THE_SCHEMA:
        eventually(lambda each=component: release.said(each, "wait-for-schema", TOO_NEW), f"{component} to say why")
        assert newer[component] <= release.ready_uids(component)
    assert api.version == next_tag
    flows_on(api)


def test_it_goes_back_to_the_version_before(release: Release, api: Api, before: Before) -> None:
    run_migrations_again(release)
    release.roll_back(before.revision)
    release.wait_rolled_out()
    eventually(lambda: api.version == FIRST, "the version before to answer")
    assert api.get("/version")["git_sha"] == before.git_sha
    flows_on(api)


def test_uninstalled_it_leaves_its_data_and_installed_again_it_goes_on_with_it(release: Release, api: Api) -> None:
    received = flows_on(api)["received"]
    release.helm("uninstall", release.name, "--wait")
    assert not release.get("jobs")["items"]
    claims = {claim["metadata"]["name"] for claim in release.get("persistentvolumeclaims")["items"]}
    assert claims == {f"data-{release.name}-{each}-0" for each in ("timescaledb", "nats", "mock-mqtt-broker")}
    assert not release.pods()
    release.upgrade(VALUES)
    release.wait_ready()
    entry = flows_on(api)
    assert entry["received"] > received


def test_what_a_device_counted_is_stored_exactly_once(api: Api, device: CountingDevice) -> None:
    sent = device.stop()
    numbers = [float(number) for number in range(sent)]
    eventually(lambda: len(api.values(DEVICE, METRIC)) >= sent, "the last reading of the device that counts")
    assert api.values(DEVICE, METRIC) == numbers
