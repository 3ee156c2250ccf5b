"""Values of the wrong shape: the schema names the place and what may stand there, in the words of Helm 3 and Helm 4."""

import json
import re
from typing import Any, NamedTuple

import pytest

from helm import MAJOR_VERSIONS, Refused, render_text


class Fault(NamedTuple):
    """What each Helm says of a fault, after its place; patterns."""

    of_helm_3: str
    of_helm_4: str


PATTERN = Fault("Does not match pattern", "'.*' does not match pattern")
NOT_SO = Fault("Must not validate the schema", "'not' failed")
TYPE = Fault("Invalid type", "got .*, want")
CHOICE = Fault(".* must be one of the following", "value must be one of")
TOO_FEW = Fault("Array must have at least 1 items", "minItems: got 0, want 1")


def unknown(key: str) -> Fault:
    return Fault(f"Additional property {key} is not allowed", f"additional properties '{key}' not allowed")


def lacking(key: str) -> Fault:
    return Fault(f"{key} is required", f"missing property '{key}'")


MISSHAPEN: list[tuple[str, dict[str, Any], str, Fault]] = [
    # (environment, values over its own, the place, what is wrong there)
    ("test", {"environment": "prod"}, "environment", CHOICE),
    ("test", {"platformAPI": {}}, "", unknown("platformAPI")),
    ("test", {"platformApi": {"replica": 2}}, "platformApi", unknown("replica")),
    ("test", {"docs": {"image": {"digest": "sha256:abc"}}}, "docs.image.digest", PATTERN),
    (
        "test",
        {"platformApi": {"resources": {"limits": {"memory": "lots"}}}},
        "platformApi.resources.limits.memory",
        PATTERN,
    ),
    (
        "test",
        {"telemetryWorker": {"secretRefs": [{"env": "A", "secret": "s"}]}},
        "telemetryWorker.secretRefs.0",
        lacking("key"),
    ),
    ("test", {"timescaledb": {"database": "drop table"}}, "timescaledb.database", PATTERN),
    ("ha", {"nats": {"stream": {"replicas": 2}}}, "nats.stream.replicas", CHOICE),
    ("test", {"networkPolicy": {"scraper": {"podSelector": {}}}}, "networkPolicy.scraper", TYPE),
    ("test", {"networkPolicy": {"dns": [{"cidr": "10.0.0.10/32"}]}}, "networkPolicy.dns.0", unknown("cidr")),
    (
        "test",
        {"networkPolicy": {"scraper": [{"podSelector": {"app": "prometheus"}}]}},
        "networkPolicy.scraper.0.podSelector",
        unknown("app"),
    ),
    (
        "test",
        {"networkPolicy": {"egress": {"brokers": [{"to": [{"ipBlock": {"cidr": "b.example.org"}}], "ports": [1]}]}}},
        "networkPolicy.egress.brokers.0.to.0.ipBlock.cidr",
        PATTERN,
    ),
    (
        "test",
        {"networkPolicy": {"egress": {"brokers": [{"to": [], "ports": []}]}}},
        "networkPolicy.egress.brokers.0.ports",
        TOO_FEW,
    ),
    ("production", {"config": {"sources": []}}, "config.sources", TOO_FEW),
]

TOPIC = {"topic": "a", "decoder": "json"}
SOURCE: dict[str, Any] = {"name": "a", "broker": "mqtt://b", "topics": [TOPIC]}
CONFIGURATION: list[tuple[dict[str, Any], str, Fault]] = [
    # (a source, the place in it, what is wrong there)
    ({"broker": "mqtt://b", "topics": [TOPIC]}, "", lacking("name")),
    ({**SOURCE, "brokr": "mqtt://b"}, "", unknown("brokr")),
    ({**SOURCE, "topics": [{"topic": "a", "decoder": "jsn"}]}, ".topics.0.decoder", CHOICE),
    (
        {**SOURCE, "topics": [{"topic": "a", "decoder": "plain", "records": "x"}]},
        ".topics.0",
        Fault('Property name of "records" does not match', "invalid propertyName 'records'"),
    ),
    ({**SOURCE, "password": "geheim"}, ".password", TYPE),
    ({**SOURCE, "qos": 3}, ".qos", CHOICE),
    ({**SOURCE, "name": "A"}, ".name", PATTERN),
    ({**SOURCE, "broker": "ftp://b"}, ".broker", PATTERN),
    ({**SOURCE, "broker": "mqtt://user:password@b"}, ".broker", PATTERN),
    ({**SOURCE, "redelivery_wait": "60"}, ".redelivery_wait", PATTERN),
    ({**SOURCE, "topics": []}, ".topics", TOO_FEW),
    *(
        ({**SOURCE, "topics": [{**TOPIC, "topic": topic}]}, ".topics.0.topic", PATTERN)
        for topic in ("sens/#/x", "sens/a+/x", "sens/{devise}/x")
    ),
    *(
        ({**SOURCE, "topics": [{**TOPIC, "topic": topic}]}, ".topics.0.topic", NOT_SO)
        for topic in ("{device}/{device}", "$share/g/a")
    ),
]


@pytest.mark.parametrize("major", MAJOR_VERSIONS)
@pytest.mark.parametrize(
    ("environment", "overrides", "place", "fault"), MISSHAPEN, ids=[place or "root" for _, _, place, _ in MISSHAPEN]
)
def test_a_value_of_the_wrong_shape_is_refused_at_its_place(
    environment: str, overrides: dict[str, Any], place: str, fault: Fault, major: int
) -> None:
    assert _is_said(environment, overrides, place, fault, major)


@pytest.mark.parametrize("major", MAJOR_VERSIONS)
@pytest.mark.parametrize(
    ("source", "place", "fault"), CONFIGURATION, ids=[fault.of_helm_4 for _, _, fault in CONFIGURATION]
)
def test_a_mistake_in_the_configuration_is_refused_before_it_reaches_the_cluster(
    source: dict[str, Any], place: str, fault: Fault, major: int
) -> None:
    assert _is_said("production", {"config": {"sources": [source]}}, f"config.sources.0{place}", fault, major)


def _is_said(environment: str, overrides: dict[str, Any], place: str, fault: Fault, major: int) -> bool:
    with pytest.raises(Refused) as refusal:
        render_text(environment, json.dumps(overrides), major=major)
    if major == 3:
        wanted = f"- {re.escape(place or '(root)')}: {fault.of_helm_3}"
    else:
        # Where one of several schemas fails, the fault stands below the place.
        pointer = re.escape("/" + place.replace(".", "/") if place else "")
        wanted = rf"- at '{pointer}': ({fault.of_helm_4}|'allOf' failed\n *- at '': {fault.of_helm_4})"
    return re.search(wanted, str(refusal.value)) is not None
