"""What the chart renders is what Kubernetes takes, for every environment and example, on Helm 3 and Helm 4."""

import json
from collections.abc import Iterator
from functools import cache

import jsonschema
import kubernetes_validate
import pytest
from kubernetes_validate import utils

from chart.operator_schemas import SCHEMAS
from chart.variants import EVERY_RENDER, rendered, rendered_text
from helm import MAJOR_VERSIONS, VALUES, Object, objects, of_kind, pods, render, render_text

OLDEST_MINOR = 29
NEWEST_MINOR = int(kubernetes_validate.latest_version().split(".")[1])
VERSIONS = [f"1.{minor}" for minor in range(OLDEST_MINOR, NEWEST_MINOR + 1)]


@pytest.fixture(scope="module", autouse=True)
def _schemas_read_once() -> Iterator[None]:
    """The library reads megabytes of schema for every object."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "schema_contents", cache(utils.schema_contents))
        yield


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid_and_has_no_unknown_field(version: str) -> None:
    for name in EVERY_RENDER:
        for each in rendered(name):
            if each["kind"] not in SCHEMAS:
                kubernetes_validate.validate(each, version, strict=True)


def test_every_object_for_the_prometheus_operator_is_valid_and_has_no_unknown_field() -> None:
    theirs = [each for name in EVERY_RENDER for each in rendered(name) if each["kind"] in SCHEMAS]
    assert {each["kind"] for each in theirs} == SCHEMAS.keys()
    for each in theirs:
        jsonschema.validate(each, SCHEMAS[each["kind"]])


@pytest.mark.parametrize("name", EVERY_RENDER)
def test_a_pod_monitor_asks_a_port_that_the_pods_it_selects_have(name: str) -> None:
    made = list(pods(rendered(name)))
    for monitor in of_kind(rendered(name), "PodMonitor"):
        selected = [pod for pod in made if monitor["spec"]["selector"]["matchLabels"].items() <= pod.labels.items()]
        assert selected
        for pod in selected:
            ports = {port["name"] for container in pod.containers for port in container.get("ports", [])}
            assert {end["port"] for end in monitor["spec"]["podMetricsEndpoints"]} <= ports


@pytest.mark.parametrize("name", EVERY_RENDER)
def test_an_ingress_leads_to_a_port_of_a_service_that_is_there(name: str) -> None:
    services = {
        each["metadata"]["name"]: {port["name"] for port in each["spec"]["ports"]}
        for each in of_kind(rendered(name), "Service")
    }
    for ingress in of_kind(rendered(name), "Ingress"):
        for rule in ingress["spec"]["rules"]:
            paths = [path["path"] for path in rule["http"]["paths"]]
            assert len(paths) == len(set(paths))
            assert not any(path.startswith("/metrics") for path in paths)
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                assert service["port"]["name"] in services[service["name"]]
        assert all(
            set(tls["hosts"]) == {rule["host"] for rule in ingress["spec"]["rules"]}
            for tls in ingress["spec"].get("tls", [])
        )


@pytest.mark.parametrize("name", EVERY_RENDER)
def test_no_annotation_and_no_variable_is_written_twice(name: str) -> None:
    """YAML with a key twice is refused while it is read; a list of variables is not."""
    for pod in pods(rendered(name)):
        for container in pod.containers:
            names = [entry["name"] for entry in container.get("env", [])]
            assert len(names) == len(set(names))


def test_where_an_autoscaler_chooses_the_number_of_pods_the_chart_sets_none() -> None:
    made = rendered("autoscaled")
    scaled = {each["spec"]["scaleTargetRef"]["name"] for each in of_kind(made, "HorizontalPodAutoscaler")}
    assert scaled == {"sens-platform-api", "sens-telemetry-worker", "sens-web-console", "sens-docs"}
    assert all(
        ("replicas" in each["spec"]) == (each["metadata"]["name"] not in scaled) for each in of_kind(made, "Deployment")
    )


@pytest.mark.parametrize("name", EVERY_RENDER)
@pytest.mark.parametrize("major", MAJOR_VERSIONS)
def test_two_renders_are_byte_identical(name: str, major: int) -> None:
    first = rendered_text(name, major=major)
    render_text.cache_clear()
    assert rendered_text(name, major=major) == first


@pytest.mark.parametrize("name", EVERY_RENDER)
def test_helm_3_and_helm_4_render_the_same(name: str) -> None:
    three, four = (objects(rendered_text(name, major=major)) for major in MAJOR_VERSIONS)
    assert sorted(map(repr, three)) == sorted(map(repr, four))


@pytest.mark.parametrize("name", EVERY_RENDER)
def test_no_two_objects_have_the_same_name(name: str) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in rendered(name)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", VALUES)
def test_every_object_says_its_namespace_and_whose_it_is(name: str) -> None:
    # A source's broker is named by hand, so the mock broker's name would be wrong.
    for each in render(name, {"mockMqttBroker": {"enabled": False, "simulator": {"enabled": False}}}, release="north"):
        assert each["metadata"]["namespace"] == "telemetry"
        assert each["metadata"]["labels"]["app.kubernetes.io/instance"] == "north"
        assert each["metadata"]["name"].startswith("north-")


@pytest.mark.parametrize("name", EVERY_RENDER)
def test_nothing_but_the_smoke_test_is_a_hook_of_argo_cd_and_nothing_that_stays_has_a_time_to_live(name: str) -> None:
    for each in rendered(name):
        if each["metadata"]["labels"]["app.kubernetes.io/component"] == "smoke-test":
            assert each["kind"] in ("Job", "NetworkPolicy")
            continue
        assert "argocd.argoproj.io/hook" not in json.dumps(each)
        assert "sync-wave" not in json.dumps(each)
        # Argo CD would make a Job again as soon as it is gone.
        assert "ttlSecondsAfterFinished" not in json.dumps(each) or _is_hook_of_helm(each)


def _is_hook_of_helm(each: Object) -> bool:
    return "helm.sh/hook" in each["metadata"].get("annotations", {})


@pytest.mark.parametrize("name", EVERY_RENDER)
def test_helms_only_hook_asks_the_schema_before_a_rollback(name: str) -> None:
    """Argo CD knows no hook of a rollback, and so never makes it."""
    hooks = [each for each in rendered(name) if _is_hook_of_helm(each)]
    jobs = [each for each in of_kind(rendered(name), "Job") if "migrate" in json.dumps(each["spec"])]
    assert len(hooks) == len(jobs) - len(hooks)
    for each in hooks:
        assert each["metadata"]["annotations"]["helm.sh/hook"] == "pre-rollback"
        (container,) = each["spec"]["template"]["spec"]["containers"]
        assert "--before-rollback" in container["args"]


def test_the_migrations_job_is_named_by_all_that_it_is_made_of() -> None:
    def job(overrides: dict[str, object]) -> str:
        (name,) = (
            each["metadata"]["name"]
            for each in of_kind(render("test", overrides), "Job")
            if each["metadata"]["name"].startswith("sens-migrations") and not _is_hook_of_helm(each)
        )
        return name

    first = job({})
    assert job({}) == first
    assert job({"webConsole": {"replicas": 2}}) == first
    others = [
        job({"imageTag": "0.1.0-alpha.2.1"}),
        job({"migrations": {"resources": {"limits": {"memory": "300Mi"}}}}),
        job({"timescaledb": {"secretVersions": {"owner": "2"}}}),
        job({"migrations": {"env": {"SENS_LOG_LEVEL": "debug"}}}),
    ]
    assert len({first, *others}) == 5


def test_the_deployed_tag_reaches_every_backend_container() -> None:
    for pod in pods(render("local", {"imageTag": "0.5.0"})):
        for container in pod.containers:
            if "/telemetry-worker" in container["image"] or "/platform-api" in container["image"]:
                told = {entry["name"]: entry.get("value") for entry in container["env"]}
                assert told["SENS_DEPLOYED_VERSION"] == "0.5.0"


def test_a_digest_pins_the_image_and_the_tag_is_still_told() -> None:
    digest = "sha256:" + "a" * 64
    rendered = render("test", {"platformApi": {"image": {"tag": "0.5.0", "digest": digest}}})
    api = next(pod for pod in pods(rendered) if pod.component == "platform-api")
    assert {container["image"] for container in api.containers} == {
        f"ghcr.io/sens-platform/platform-api:0.5.0@{digest}"
    }
    assert {"name": "SENS_DEPLOYED_VERSION", "value": "0.5.0"} in api.spec["containers"][0]["env"]


def test_a_digest_is_enough_for_an_image_of_others() -> None:
    digest = "sha256:" + "a" * 64
    rendered = render("test", {"nats": {"image": {"tag": "", "digest": digest}}})
    server = next(pod for pod in pods(rendered) if pod.component == "nats").spec["containers"][0]
    assert server["image"] == f"nats@{digest}"


def test_a_host_may_be_a_wildcard() -> None:
    hosts = {"ingress": {"hosts": ["*.example.org"]}}
    made = of_kind(render("test", {"docs": hosts}), "Ingress")
    docs = next(each["spec"] for each in made if each["metadata"]["name"] == "sens-docs")
    assert docs["rules"][0]["host"] == docs["tls"][0]["hosts"][0] == "*.example.org"


def test_what_a_user_sets_in_env_goes_before_the_charts_own() -> None:
    rendered = render("test", {"telemetryWorker": {"env": {"SENS_LOG_FORMAT": "console", "SENS_BATCH_HOLD_S": 0.05}}})
    worker = next(pod for pod in pods(rendered) if pod.component == "telemetry-worker")
    names = [entry["name"] for entry in worker.spec["containers"][0]["env"]]
    assert len(names) == len(set(names))
    values = {entry["name"]: entry.get("value") for entry in worker.spec["containers"][0]["env"]}
    assert (values["SENS_LOG_FORMAT"], values["SENS_BATCH_HOLD_S"]) == ("console", "0.05")


def test_large_whole_numbers_stay_whole() -> None:
    large = 1_000_650_000
    rendered = render(
        "test",
        {
            "platformApi": {"env": {"SENS_X": large}, "securityContext": {"runAsUser": large}},
            "timescaledb": {"settings": {"max_locks_per_transaction": large}, "exporter": {"runAsUser": large}},
            "mockMqttBroker": {"simulator": {"devices": large, "rate": 0.5}},
        },
    )
    made = {pod.component: pod for pod in pods(rendered)}
    api, database, broker = (made[name].spec for name in ("platform-api", "timescaledb", "mock-mqtt-broker"))
    assert api["securityContext"]["runAsUser"] == large
    assert {"name": "SENS_X", "value": f"{large}"} in api["containers"][0]["env"]
    assert f"max_locks_per_transaction={large}" in database["containers"][0]["args"]
    assert database["containers"][1]["securityContext"]["runAsUser"] == large
    assert broker["containers"][1]["args"][-3::2] == [f"{large}", "0.5"]
