"""Which connections rendered NetworkPolicies leave open."""

from collections.abc import Iterator
from typing import Any

from helm import Object, Pod, of_kind, pods

Edge = tuple[str, str, int]
DNS = {53}
OUTSIDE = {
    # (labels of the pod, labels of its namespace) -> what it is called
    "traefik": ({"app.kubernetes.io/name": "traefik"}, {"kubernetes.io/metadata.name": "kube-system"}),
    "ingress-nginx": (
        {"app.kubernetes.io/name": "ingress-nginx"},
        {"kubernetes.io/metadata.name": "ingress-nginx"},
    ),
    "prometheus": ({"app.kubernetes.io/name": "prometheus"}, {"kubernetes.io/metadata.name": "monitoring"}),
    "kube-dns": ({"k8s-app": "kube-dns"}, {"kubernetes.io/metadata.name": "kube-system"}),
    "stranger": ({"app": "stranger"}, {"kubernetes.io/metadata.name": "elsewhere"}),
    "neighbour": ({"app": "neighbour"}, None),  # in the release's own namespace
}


def selects(selector: Object | None, labels: dict[str, str]) -> bool:
    wanted = selector or {}
    assert wanted.keys() <= {"matchLabels"}, "other ways to select are not computed here"
    return all(labels.get(key) == value for key, value in wanted.get("matchLabels", {}).items())


def matches(peer: Object, labels: dict[str, str], namespace: dict[str, str] | None) -> bool:
    if "ipBlock" in peer:
        return False
    if "namespaceSelector" in peer:
        return (
            namespace is not None
            and selects(peer["namespaceSelector"], namespace)
            and selects(peer.get("podSelector"), labels)
        )
    return namespace is None and selects(peer["podSelector"], labels)


def open_ports(
    policies: list[Object], side: str, peer_key: str, own: dict[str, str], other: tuple[dict[str, str], Any]
) -> set[int] | None:
    """Ports that the policies on `own` leave open towards the other end; None: no policy selects it, so all are."""
    direction = "Ingress" if side == "ingress" else "Egress"
    selecting = [
        p for p in policies if selects(p["spec"]["podSelector"], own) and direction in p["spec"]["policyTypes"]
    ]
    if not selecting:
        return None
    return {
        port["port"]
        for policy in selecting
        for rule in policy["spec"].get(side, [])
        if any(matches(peer, *other) for peer in rule[peer_key])
        for port in rule["ports"]
    }


def ends(rendered: list[Object]) -> dict[str, tuple[dict[str, str], Any]]:
    ours: dict[str, tuple[dict[str, str], Any]] = {pod.component: (dict(pod.labels), None) for pod in pods(rendered)}
    return {**OUTSIDE, **ours}


def listening(pod: Pod) -> set[int]:
    return {port["containerPort"] for container in pod.spec["containers"] for port in container.get("ports", [])}


def edges(rendered: list[Object]) -> Iterator[Edge]:
    """Every connection that can be made to a port that a pod listens on, or to DNS."""
    policies = of_kind(rendered, "NetworkPolicy")
    every = ends(rendered)
    ports = {pod.component: listening(pod) for pod in pods(rendered)} | {"kube-dns": DNS}
    for source, (source_labels, source_namespace) in every.items():
        for target, (target_labels, target_namespace) in every.items():
            if source == target or (source in OUTSIDE and target in OUTSIDE):
                continue
            out = (
                open_ports(policies, "egress", "to", source_labels, (target_labels, target_namespace))
                if source not in OUTSIDE
                else None
            )
            into = (
                open_ports(policies, "ingress", "from", target_labels, (source_labels, source_namespace))
                if target not in OUTSIDE
                else None
            )
            allowed = ports.get(target, set())
            for side in (out, into):
                allowed = allowed if side is None else allowed & side
            yield from ((source, target, port) for port in allowed)
