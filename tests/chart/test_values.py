"""values.yaml and what is made from it."""

import json
import re

import jsonschema
import pytest
from ruamel.yaml import YAML

import chart_values
from helm import CHART, ROOT, VALUES

EVERY = chart_values.values()
COMMON = {
    "enabled", "image.repository", "image.tag", "image.digest", "image.pullPolicy", "imagePullSecrets", "replicas",
    "autoscaling.enabled", "env", "envFrom", "secretRefs", "service.type", "service.port", "service.annotations",
    "ingress.enabled", "resources.requests.cpu", "persistence.enabled", "probes.startup.periodSeconds",
    "metrics.enabled", "pdb.enabled", "nodeSelector", "tolerations", "affinity", "topologySpread.enabled",
    "podAnnotations", "securityContext.runAsUser", "extraVolumes",
}  # fmt: skip


@pytest.mark.parametrize("component", chart_values.COMPONENTS)
def test_every_component_has_the_same_keys(component: str) -> None:
    assert {value.key for value in EVERY if value.component == component} >= COMMON


def test_every_key_has_a_comment() -> None:
    bare = [value.path for value in EVERY if value.default and not value.comment and ".settings." not in value.path]
    assert not bare


def test_what_is_made_from_the_values_is_current() -> None:
    assert (CHART / "values.schema.json").read_text() == chart_values.schema_text(), "run make docs"
    assert (CHART / "README.md").read_text() == chart_values.readme(), "run make docs"


def _closed(schema: object) -> bool:
    """Whether every object with declared properties refuses others."""
    if isinstance(schema, list):
        return all(map(_closed, schema))
    if not isinstance(schema, dict):
        return True
    open_object = (
        "properties" in schema and schema.get("type") == "object" and schema.get("additionalProperties") is not False
    )
    return (not open_object or "allOf" in schema) and all(map(_closed, schema.values()))


def test_the_schema_is_closed_at_every_level() -> None:
    assert _closed(chart_values.schema())


CONFIGURATIONS = sorted((ROOT / "docs").rglob("*.md"))


def _examples() -> list[tuple[str, object]]:
    """Every whole sens.yaml that the docs show."""
    found = []
    for page in CONFIGURATIONS:
        for number, block in enumerate(page.read_text().split("```yaml\n")[1:]):
            text = block.partition("```")[0]
            if text.startswith(("sources:", "# sens.yaml", "tenants:")):
                found.append((f"{page.stem}-{number}", YAML(typ="safe").load(text)))
    return found


@pytest.mark.parametrize("configuration", [each for _, each in _examples()], ids=[name for name, _ in _examples()])
def test_a_configuration_that_the_docs_show_is_taken_by_the_chart_as_well(configuration: object) -> None:
    schema = chart_values.schema()
    jsonschema.validate({"config": json.loads(json.dumps(configuration))}, schema)


@pytest.mark.parametrize("name", VALUES)
def test_the_configuration_of_every_environment_passes_sens_check(name: str) -> None:
    from sens.decoders.registry import DECODERS
    from sens.sources.parsing import parse

    values = YAML(typ="safe").load(VALUES[name])
    assert parse(json.dumps(values["config"]), name=name, decoders=DECODERS).sources


def test_servers_that_cluster_tests_start_themselves_are_of_the_chart_s_images() -> None:
    values = YAML(typ="safe").load(CHART / "values.yaml")
    images = {values[key]["image"]["repository"]: values[key]["image"]["tag"] for key in ("timescaledb", "nats")}
    broker = values["mockMqttBroker"]["image"]
    images[broker["repository"]] = broker["tag"]
    for manifest in ("cluster/elsewhere.yaml", "rehearsal/devices.yaml"):
        text = (ROOT / "tests" / manifest).read_text()
        for repository, tag in re.findall(r"image: ([^\s:]+):(\S+)", text):
            assert images[repository] == tag, manifest
