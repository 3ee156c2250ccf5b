"""Pods that tell what they reach, with a component's labels."""

import json
import warnings
from collections.abc import Mapping
from typing import NamedTuple

from helm_edges import Edge
from kube import Object, Release, eventually, one_shot_pod


class Target(NamedTuple):
    """Where a connection is tried to."""

    name: str
    address: str
    port: int


_PROGRAM = """
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


def probe(release: Release, sources: Mapping[str, dict[str, str]], image: str, targets: list[Target]) -> set[Edge]:
    """Which targets a pod with the labels of each source reaches."""
    for name, labels in sources.items():
        release.apply(_pod(f"probe-{name}", labels, image, targets))
    found: set[Edge] = set()
    for name in sources:
        eventually(lambda pod=f"probe-{name}": release.ended(pod), f"the probe as {name}")
        found |= {(name, target, port) for target, port in json.loads(release.kubectl("logs", f"probe-{name}"))}
        release.kubectl("delete", "pod", f"probe-{name}", "--wait=false")
    return found


def _pod(name: str, labels: dict[str, str], image: str, targets: list[Target]) -> Object:
    """Never ready, so no Service finds it."""
    container: Object = {
        "name": "probe", "image": image, "command": ["python3", "-c", _PROGRAM, json.dumps(targets)],
        "readinessProbe": {"tcpSocket": {"port": 9}},
    }  # fmt: skip
    return one_shot_pod(name, labels, container)


def unfiltered_by_kubernetes(release: Release, edges: set[Edge]) -> set[Edge]:
    """Of these the ways to an API server on the pods' own node, which a network plug-in may leave open."""
    kubernetes = ("--namespace", "default", "endpointslices", "--selector", "kubernetes.io/service-name=kubernetes")
    ends = [end for each in release.get(*kubernetes)["items"] for end in each["endpoints"]]
    servers = {address for end in ends for address in end["addresses"]}
    if not servers & {each["status"]["hostIP"] for each in release.pods()}:
        return set()
    found = {edge for edge in edges if edge[1] == "api-server"}
    if found:
        warnings.warn(
            "NOT SHOWN: the API server is on the pods' node, and this network plug-in lets them reach it", stacklevel=2
        )
    return found
