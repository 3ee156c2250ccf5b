"""Which connections the NetworkPolicies leave open, computed from what is rendered, against the declared data path."""

from collections.abc import Iterator
from typing import Any

import pytest

from helm import Object, Pod, of_kind, pods, render

Edge = tuple[str, str, int]
DNS = {53}
OUTSIDE = {
    # (labels of the pod, labels of its namespace) -> what it is called
    "traefik": ({"app.kubernetes.io/name": "traefik"}, {"kubernetes.io/metadata.name": "kube-system"}),
    "prometheus": ({"app.kubernetes.io/name": "prometheus"}, {"kubernetes.io/metadata.name": "monitoring"}),
    "kube-dns": ({"k8s-app": "kube-dns"}, {"kubernetes.io/metadata.name": "kube-system"}),
    "stranger": ({"app": "stranger"}, {"kubernetes.io/metadata.name": "elsewhere"}),
    "neighbour": ({"app": "neighbour"}, None),  # in the release's own namespace
}
TEST_PATH: set[Edge] = {
    ("mqtt-ingestion-worker", "mock-mqtt-broker", 1883),
    ("mqtt-ingestion-worker", "nats", 4222),
    ("telemetry-worker", "nats", 4222),
    ("telemetry-worker", "timescaledb", 5432),
    ("platform-api", "nats", 4222),
    ("platform-api", "timescaledb", 5432),
    ("migrations", "timescaledb", 5432),
    ("traefik", "platform-api", 8080),
    ("traefik", "docs", 8080),
    ("prometheus", "mqtt-ingestion-worker", 9090),
    ("prometheus", "telemetry-worker", 9090),
    ("prometheus", "platform-api", 9090),
    ("prometheus", "timescaledb", 9187),
    ("prometheus", "nats", 7777),
}


def _selects(selector: Object | None, labels: dict[str, str]) -> bool:
    wanted = (selector or {}).get("matchLabels", {})
    return all(labels.get(key) == value for key, value in wanted.items())


def _matches(peer: Object, labels: dict[str, str], namespace: dict[str, str] | None) -> bool:
    if "ipBlock" in peer:
        return False
    if "namespaceSelector" in peer:
        return namespace is not None and _selects(peer["namespaceSelector"], namespace) and _selects(peer.get("podSelector"), labels)
    return namespace is None and _selects(peer["podSelector"], labels)


def _open_ports(
    policies: list[Object], side: str, peer_key: str, own: dict[str, str], other: tuple[dict[str, str], Any]
) -> set[int] | None:
    """Ports that the policies on `own` leave open towards the other end; None: no policy selects it, so all are."""
    direction = "Ingress" if side == "ingress" else "Egress"
    selecting = [p for p in policies if _selects(p["spec"]["podSelector"], own) and direction in p["spec"]["policyTypes"]]
    if not selecting:
        return None
    return {
        port["port"]
        for policy in selecting
        for rule in policy["spec"].get(side, [])
        if any(_matches(peer, *other) for peer in rule[peer_key])
        for port in rule["ports"]
    }


def _ends(rendered: list[Object]) -> dict[str, tuple[dict[str, str], Any]]:
    ours: dict[str, tuple[dict[str, str], Any]] = {pod.component: (dict(pod.labels), None) for pod in pods(rendered)}
    return {**OUTSIDE, **ours}


def _listening(pod: Pod) -> set[int]:
    return {port["containerPort"] for container in pod.spec["containers"] for port in container.get("ports", [])}


def _edges(rendered: list[Object]) -> Iterator[Edge]:
    """Every connection that can be made to a port that a pod listens on, or to DNS."""
    policies = of_kind(rendered, "NetworkPolicy")
    ends = _ends(rendered)
    ports = {pod.component: _listening(pod) for pod in pods(rendered)} | {"kube-dns": DNS}
    for source, (source_labels, source_namespace) in ends.items():
        for target, (target_labels, target_namespace) in ends.items():
            if source == target or (source in OUTSIDE and target in OUTSIDE):
                continue
            out = _open_ports(policies, "egress", "to", source_labels, (target_labels, target_namespace)) if source not in OUTSIDE else None
            into = _open_ports(policies, "ingress", "from", target_labels, (source_labels, source_namespace)) if target not in OUTSIDE else None
            allowed = ports.get(target, set())
            for side in (out, into):
                allowed = allowed if side is None else allowed & side
            yield from ((source, target, port) for port in allowed)


def test_the_open_edges_are_exactly_those_of_the_data_path() -> None:
    edges = set(_edges(render("test")))
    named = {edge for edge in edges if edge[1] != "kube-dns"}
    assert named == TEST_PATH
    asking = {source for source, target, _ in edges if target == "kube-dns"}
    assert asking == {"mqtt-ingestion-worker", "telemetry-worker", "platform-api", "migrations"}


def test_a_published_console_opens_itself_and_the_api_to_the_ingress_controller() -> None:
    values = {"webConsole": {"ingress": {"enabled": True, "hosts": ["console.example.org"]}}}
    assert set(_edges(render("test", values))) - set(_edges(render("test"))) == {("traefik", "web-console", 8080)}


def test_without_an_ingress_nobody_outside_reaches_anything_but_metrics() -> None:
    opened = {edge for edge in _edges(render("staging")) if edge[0] in OUTSIDE}
    assert {source for source, _, _ in opened} == {"prometheus"}


def test_a_component_without_metrics_is_closed_to_the_scraper() -> None:
    closed = {edge for edge in _edges(render("test", {"nats": {"metrics": {"enabled": False}}})) if edge[0] == "prometheus"}
    assert "nats" not in {target for _, target, _ in closed}


def _outside(rendered: list[Object]) -> set[tuple[str, str, int]]:
    """(component, CIDR, port) of every way out of the cluster."""
    names = {pod.component: dict(pod.labels) for pod in pods(rendered)}
    return {
        (name, peer["ipBlock"]["cidr"], port["port"])
        for policy in of_kind(rendered, "NetworkPolicy")
        for name, labels in names.items()
        if _selects(policy["spec"]["podSelector"], labels)
        for rule in policy["spec"].get("egress", [])
        for peer in rule["to"]
        if "ipBlock" in peer
        for port in rule["ports"]
    }


def test_only_the_ingestion_worker_reaches_outside_brokers() -> None:
    assert _outside(render("production")) == {("mqtt-ingestion-worker", "203.0.113.7/32", 8883)}


def test_external_servers_are_reached_by_those_who_need_them() -> None:
    pod_network = "10.42.0.0/16"
    assert _outside(render("ha")) == {
        ("mqtt-ingestion-worker", "203.0.113.7/32", 8883),
        *((name, pod_network, 4222) for name in ("mqtt-ingestion-worker", "telemetry-worker", "platform-api")),
        *((name, pod_network, 5432) for name in ("migrations", "telemetry-worker", "platform-api")),
    }


@pytest.mark.parametrize("name", ["test", "production"])
def test_cert_managers_solver_is_reached_by_the_ingress_controller(name: str) -> None:
    policies = of_kind(render(name), "NetworkPolicy")
    solver = {"acme.cert-manager.io/http01-solver": "true"}
    assert _open_ports(policies, "ingress", "from", solver, OUTSIDE["traefik"]) == {8089}
    assert _open_ports(policies, "ingress", "from", solver, OUTSIDE["stranger"]) == set()


def test_nobody_may_talk_to_the_api_server() -> None:
    """No rule is open to every address or every port."""
    for policy in of_kind(render("test"), "NetworkPolicy"):
        for side, peers in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(side, []):
                assert rule[peers]
                assert rule["ports"]
                assert all(peer for peer in rule[peers])
