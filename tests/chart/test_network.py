"""Which connections the NetworkPolicies leave open, computed from what is rendered, against the declared data path."""

import pytest
from ruamel.yaml import YAML

from helm import ROOT, Object, of_kind, pods, render
from helm_edges import OUTSIDE, Edge, edges, open_ports, selects

TEST_PATH: set[Edge] = {
    ("mqtt-ingestion-worker", "mock-mqtt-broker", 1883),
    ("mqtt-ingestion-worker", "nats", 4222),
    ("telemetry-worker", "nats", 4222),
    ("telemetry-worker", "timescaledb", 5432),
    ("platform-api", "nats", 4222),
    ("platform-api", "timescaledb", 5432),
    ("migrations", "timescaledb", 5432),
    ("smoke-test", "platform-api", 8080),
    ("smoke-test", "docs", 8080),
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
    assert asking == {"mqtt-ingestion-worker", "telemetry-worker", "platform-api", "migrations", "smoke-test"}


def test_a_published_console_opens_itself_and_the_api_to_the_ingress_controller() -> None:
    values = {"webConsole": {"ingress": {"enabled": True, "hosts": ["console.example.org"]}}}
    assert set(edges(render("test", values))) - set(edges(render("test"))) == {("traefik", "web-console", 8080)}


def _peer(namespace: str, **labels: str) -> Object:
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "podSelector": {"matchLabels": labels},
    }


@pytest.mark.parametrize("key", ["ingressController", "scraper", "dns"])
def test_whom_a_user_names_takes_the_place_of_the_default(key: str) -> None:
    """Helm merges mappings: what they hold by default can't be taken away, so peers are lists."""
    other = {"ipBlock": {"cidr": "198.51.100.7/32"}}
    policies = of_kind(render("test", {"networkPolicy": {key: [other]}}), "NetworkPolicy")
    named = [
        peer
        for policy in policies
        for side, peers in (("ingress", "from"), ("egress", "to"))
        for rule in policy["spec"].get(side, [])
        for peer in rule[peers]
    ]
    default = {
        "ingressController": _peer("kube-system", **{"app.kubernetes.io/name": "traefik"}),
        "scraper": _peer("monitoring", **{"app.kubernetes.io/name": "prometheus"}),
        "dns": _peer("kube-system", **{"k8s-app": "kube-dns"}),
    }
    assert other in named
    assert default.pop(key) not in named
    assert all(peer in named for peer in default.values())


def test_another_ingress_controller_is_let_in_and_the_default_one_is_not() -> None:
    nginx = _peer("ingress-nginx", **{"app.kubernetes.io/name": "ingress-nginx"})
    values = {"networkPolicy": {"ingressController": [nginx]}}
    found = edges(render("test", values))
    assert {edge for edge in found if edge[0] in {"traefik", "ingress-nginx"}} == {
        ("ingress-nginx", "platform-api", 8080),
        ("ingress-nginx", "docs", 8080),
    }
    policies = of_kind(render("test", values), "NetworkPolicy")
    assert open_ports(policies, "ingress", "from", SOLVER, OUTSIDE["ingress-nginx"]) == {8089}
    assert open_ports(policies, "ingress", "from", SOLVER, OUTSIDE["traefik"]) == set()


def test_the_page_on_kubernetes_names_another_ingress_controller_as_the_chart_takes_it() -> None:
    blocks = (ROOT / "docs" / "kubernetes.md").read_text().split("```yaml\nnetworkPolicy:")
    values = YAML(typ="safe").load("networkPolicy:" + blocks[1].partition("```")[0])
    rendered = render("test", values)
    assert ("ingress-nginx", "platform-api", 8080) in set(edges(rendered))
    assert _outside(rendered) == {("mqtt-ingestion-worker", "203.0.113.7/32", 8883)}


def test_without_an_ingress_nobody_outside_reaches_anything_but_metrics() -> None:
    opened = {edge for edge in edges(render("staging")) if edge[0] in OUTSIDE}
    assert {source for source, _, _ in opened} == {"prometheus"}


def test_a_component_without_metrics_is_closed_to_the_scraper() -> None:
    closed = {
        edge for edge in edges(render("test", {"nats": {"metrics": {"enabled": False}}})) if edge[0] == "prometheus"
    }
    assert "nats" not in {target for _, target, _ in closed}


def _outside(rendered: list[Object]) -> set[tuple[str, str, int]]:
    """(component, CIDR or namespace, port) of every way out of the release, but to DNS."""
    names = {pod.component: dict(pod.labels) for pod in pods(rendered)}
    return {
        (name, _place(peer), port["port"])
        for policy in of_kind(rendered, "NetworkPolicy")
        for name, labels in names.items()
        if selects(policy["spec"]["podSelector"], labels)
        for rule in policy["spec"].get("egress", [])
        for peer in rule["to"]
        if "podSelector" not in peer or "namespaceSelector" in peer
        for port in rule["ports"]
        if port["port"] != 53
    }


def _place(peer: Object) -> str:
    block = peer.get("ipBlock")
    return block["cidr"] if block else peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]


def test_a_broker_is_named_by_address_or_by_the_labels_of_its_pods() -> None:
    broker = _peer("brokers", app="emqx")
    to = [{"to": [{"ipBlock": {"cidr": "203.0.113.7/32"}}, broker], "ports": [1883, 8883]}]
    assert _outside(render("test", {"networkPolicy": {"egress": {"brokers": to}}})) == {
        ("mqtt-ingestion-worker", place, port) for place in ("203.0.113.7/32", "brokers") for port in (1883, 8883)
    }


def test_only_the_ingestion_worker_reaches_outside_brokers() -> None:
    assert _outside(render("production")) == {("mqtt-ingestion-worker", "203.0.113.7/32", 8883)}


def test_external_servers_are_reached_by_those_who_need_them() -> None:
    assert _outside(render("ha")) == {
        ("mqtt-ingestion-worker", "203.0.113.7/32", 8883),
        *((name, "messaging", 4222) for name in ("mqtt-ingestion-worker", "telemetry-worker", "platform-api")),
        *((name, "databases", 5432) for name in ("migrations", "telemetry-worker", "platform-api")),
    }


SOLVER = {"acme.cert-manager.io/http01-solver": "true"}


@pytest.mark.parametrize("name", ["test", "production"])
def test_cert_managers_solver_is_reached_by_the_ingress_controller(name: str) -> None:
    policies = of_kind(render(name), "NetworkPolicy")
    assert open_ports(policies, "ingress", "from", SOLVER, OUTSIDE["traefik"]) == {8089}
    assert open_ports(policies, "ingress", "from", SOLVER, OUTSIDE["stranger"]) == set()


def test_nobody_may_talk_to_the_api_server() -> None:
    """No rule is open to every address or every port."""
    for policy in of_kind(render("test"), "NetworkPolicy"):
        for side, peers in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(side, []):
                assert rule[peers]
                assert rule["ports"]
                assert all(peer for peer in rule[peers])
