"""Which connections the NetworkPolicies leave open, computed from what is rendered, against the declared data path."""

import pytest

from helm import Object, of_kind, pods, render
from helm_edges import OUTSIDE, Edge, edges, open_ports, selects

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


def test_the_open_edges_are_exactly_those_of_the_data_path() -> None:
    found = set(edges(render("test")))
    named = {edge for edge in found if edge[1] != "kube-dns"}
    assert named == TEST_PATH
    asking = {source for source, target, _ in found if target == "kube-dns"}
    assert asking == {"mqtt-ingestion-worker", "telemetry-worker", "platform-api", "migrations"}


def test_a_published_console_opens_itself_and_the_api_to_the_ingress_controller() -> None:
    values = {"webConsole": {"ingress": {"enabled": True, "hosts": ["console.example.org"]}}}
    assert set(edges(render("test", values))) - set(edges(render("test"))) == {("traefik", "web-console", 8080)}


def test_without_an_ingress_nobody_outside_reaches_anything_but_metrics() -> None:
    opened = {edge for edge in edges(render("staging")) if edge[0] in OUTSIDE}
    assert {source for source, _, _ in opened} == {"prometheus"}


def test_a_component_without_metrics_is_closed_to_the_scraper() -> None:
    closed = {
        edge for edge in edges(render("test", {"nats": {"metrics": {"enabled": False}}})) if edge[0] == "prometheus"
    }
    assert "nats" not in {target for _, target, _ in closed}


def _outside(rendered: list[Object]) -> set[tuple[str, str, int]]:
    """(component, CIDR, port) of every way out of the cluster."""
    names = {pod.component: dict(pod.labels) for pod in pods(rendered)}
    return {
        (name, peer["ipBlock"]["cidr"], port["port"])
        for policy in of_kind(rendered, "NetworkPolicy")
        for name, labels in names.items()
        if selects(policy["spec"]["podSelector"], labels)
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
    assert open_ports(policies, "ingress", "from", solver, OUTSIDE["traefik"]) == {8089}
    assert open_ports(policies, "ingress", "from", solver, OUTSIDE["stranger"]) == set()


def test_nobody_may_talk_to_the_api_server() -> None:
    """No rule is open to every address or every port."""
    for policy in of_kind(render("test"), "NetworkPolicy"):
        for side, peers in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(side, []):
                assert rule[peers]
                assert rule["ports"]
                assert all(peer for peer in rule[peers])
