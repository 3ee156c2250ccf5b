"""What the infrastructure repository makes Argo CD deploy: its own objects by their schemas, and every environment as
the chart renders it, by what its project lets in and what its namespace has room for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from kubernetes_validate import validate
from ruamel.yaml import YAML

from argo_cd_module import schema
from example_release import RELEASE
from helm import CHART, Object, helm, objects, pods
from kube import run
from release.gitops import ENVIRONMENTS
from release.infra import values_of

NEWEST = "1.34"
FACTORS = {"": 1, "m": 1e-3, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def documents(*paths: Path) -> Iterator[Any]:
    for path in paths:
        yield from (each for each in YAML(typ="safe").load_all(path) if each)


def rendered(repository: Path, environment: str) -> list[Object]:
    """As Argo CD renders it: with the release's values over people's."""
    folder = repository / "environments" / environment
    command = [helm(3), "template", "sens", str(CHART), "--namespace", f"sens-{environment}"]
    return objects(run(*command, "--values", str(folder / "values.yaml"), "--values", "-", text=values_of(RELEASE)))


def project(repository: Path, name: str) -> Object:
    (found,) = documents(repository / f"cluster/projects/{name}.yaml")
    return found


def number(quantity: str | int) -> float:
    text = str(quantity)
    unit = text.lstrip("0123456789.")
    return float(text.removesuffix(unit)) * FACTORS[unit]


@pytest.mark.parametrize("kind", ["Application", "AppProject"])
def test_applications_and_projects_are_as_argo_cd_takes_them(repository: Path, kind: str) -> None:
    paths = [*repository.glob("applications/*.yaml"), *repository.glob("cluster/projects/*.yaml")]
    found = [each for each in documents(*paths) if each["kind"] == kind]
    assert len(found) == {"Application": 4, "AppProject": 5}[kind]
    for each in found:
        jsonschema.validate(each, schema(kind))


def test_what_kubernetes_itself_knows_of_the_cluster_is_as_it_takes_it(repository: Path) -> None:
    foreign = ("argoproj.io", "cert-manager.io", "kustomize.config.k8s.io")
    for each in documents(*repository.glob("cluster/*/*.yaml")):
        if each["apiVersion"].partition("/")[0] not in foreign:
            validate(each, NEWEST, strict=True)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_its_project_lets_in_exactly_the_kinds_of_an_environment(repository: Path, environment: str) -> None:
    spec = project(repository, environment)["spec"]
    allowed = {(each["group"], each["kind"]) for each in spec["namespaceResourceWhitelist"]}
    made = rendered(repository, environment)
    kinds = {(each["apiVersion"].rpartition("/")[0], each["kind"]) for each in made}
    assert kinds <= allowed
    assert {each["metadata"]["namespace"] for each in made} == {f"sens-{environment}"}
    assert spec["destinations"] == [{"server": "https://kubernetes.default.svc", "namespace": f"sens-{environment}"}]
    assert spec["clusterResourceWhitelist"] == []
    (application,) = documents(repository / f"applications/{environment}.yaml")
    assert {source["repoURL"] for source in application["spec"]["sources"]} == set(spec["sourceRepos"])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_its_pods_are_of_the_release_by_digest(repository: Path, environment: str) -> None:
    ours = {
        container["image"]
        for pod in pods(rendered(repository, environment))
        for container in pod.containers
        if "/sens-platform/" in container["image"]
    }
    assert {image.partition("@")[2] for image in ours} <= set(RELEASE.images.values())
    assert all(image.startswith("ghcr.io/acme/sens-platform/") and ":0.5.0@" in image for image in ours)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_its_namespace_has_room_for_all_of_it_while_it_is_replaced(repository: Path, environment: str) -> None:
    (quota,) = (
        each
        for each in documents(repository / f"cluster/namespaces/{environment}.yaml")
        if each["kind"] == "ResourceQuota"
    )
    hard = quota["spec"]["hard"]
    made = rendered(repository, environment)
    needed = dict.fromkeys(("requests.cpu", "requests.memory", "limits.memory"), 0.0)
    for pod in pods(made):
        for container in pod.spec["containers"]:
            for name in needed:
                side, _, what = name.partition(".")
                needed[name] += number(container["resources"][side][what])
    # Those with data are replaced one by one; the others come before the old ones go, so all of them twice is the most.
    assert all(2 * needed[name] <= number(hard[name]) for name in needed), needed
    claims = [each for one in made for each in one.get("spec", {}).get("volumeClaimTemplates", [])]
    storage = sum(number(claim["spec"]["resources"]["requests"]["storage"]) for claim in claims)
    assert storage <= number(hard["requests.storage"])
    assert 2 * len(list(pods(made))) <= int(hard["pods"])


def test_production_is_synced_by_hand_and_test_by_itself(repository: Path) -> None:
    policies = {
        name: next(documents(repository / f"applications/{name}.yaml"))["spec"]["syncPolicy"] for name in ENVIRONMENTS
    }
    assert policies["production"]["automated"] == {"enabled": False}
    assert policies["test"]["automated"] == {"enabled": True, "prune": True, "selfHeal": True}


def test_the_default_project_has_no_right_and_root_only_makes_applications(repository: Path) -> None:
    assert {key: value for key, value in project(repository, "default")["spec"].items() if value} == {
        "description": "Empty, so that nothing is deployed by mistake"
    }
    made, _ = documents(repository / "cluster/projects/root.yaml")
    assert made["spec"]["namespaceResourceWhitelist"] == [{"group": "argoproj.io", "kind": "Application"}]
    assert [each["namespace"] for each in made["spec"]["destinations"]] == ["argocd"]
