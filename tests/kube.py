"""A release of the chart on the cluster of the current KUBECONFIG, and what tests ask of it."""

import base64
import json
import os
import socket
import subprocess
import textwrap
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from helm import CHART, ROOT, helm
from servers import free_port, wait_until

Object = dict[str, Any]
POLL_S = 1.0
# Alone on a small node a rollout takes half a minute; this is for a busy one that pulls images.
PATIENCE_S = 600.0


class CommandFailed(AssertionError):
    """kubectl or Helm ended with an error; its words."""


def run(
    *command: str, text: str | None = None, folder: Path | None = None, variables: Mapping[str, str] | None = None
) -> str:
    """What the command prints."""
    env = {**os.environ, **(variables or {})}
    done = subprocess.run(
        command, capture_output=True, text=True, input=text, timeout=PATIENCE_S + 60, check=False, cwd=folder, env=env
    )
    if done.returncode:
        raise CommandFailed(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return done.stdout


class Release:
    """A release, in a namespace of its own that enforces the restricted Pod Security Standard."""

    def __init__(self, name: str, namespace: str, values: list[Path]) -> None:
        self.name = name
        self.namespace = namespace
        self._values = values

    # ── kubectl ──
    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """kubectl in the release's namespace."""
        return run("kubectl", "--namespace", self.namespace, *arguments, text=text)

    def get(self, *arguments: str) -> Object:
        """An object, or a list of them."""
        return json.loads(self.kubectl("get", *arguments, "--output", "json"))

    def apply(self, thing: Object) -> None:
        self.kubectl("apply", "--filename", "-", text=json.dumps(thing))

    def make_namespace(self) -> None:
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        metadata = {"name": self.namespace, "labels": labels}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})

    def make_secrets(self) -> None:
        """By the command in the docs."""
        self.run_documented("create secret", begin="secret() {")

    def forget_refused_rollback(self) -> None:
        """By the command in the docs."""
        self.run_documented("status=pending-rollback")

    def run_documented(
        self, words: str, *, begin: str = "", folder: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> None:
        """Run the first block of commands in the docs with these words, as it stands there but for the namespace.

        Args:
            words: of the block.
            begin: run it from these words on.
            folder: where it runs.
            variables: of the environment, further ones.
        """
        blocks = (ROOT / "docs" / "kubernetes.md").read_text().split("```sh\n")[1:]
        block = next(textwrap.dedent(each.partition("```")[0]) for each in blocks if words in each)
        commands = block[block.index(begin) :].replace("--namespace sens ", f"--namespace {self.namespace} ")
        run("bash", "-euo", "pipefail", "-c", commands, folder=folder, variables=variables)

    @property
    def setup_token(self) -> str:
        """Makes the first admin."""
        return self.secret("sens-api", "setup-token")

    def secret(self, name: str, key: str) -> str:
        """What a Secret holds under that key."""
        return base64.b64decode(self.get("secret", name)["data"][key]).decode()

    def change_secret(self, name: str, key: str, value: str) -> str:
        """Returns what it was before."""
        old = self.secret(name, key)
        self.kubectl("patch", "secret", name, "--patch", json.dumps({"stringData": {key: value}}))
        return old

    def sql(self, statement: str) -> str:
        """What the embedded database's administrator is answered."""
        command = ("psql", "--username=postgres", "--dbname=sens", "--quiet", "--tuples-only", "--no-align")
        return self.kubectl("exec", f"{self.name}-timescaledb-0", "--", *command, "--command", statement).strip()

    # ── Helm ──
    def upgrade(self, values: Mapping[str, Any], timeout_s: float = PATIENCE_S) -> None:
        """Install or upgrade, and wait until every pod is ready and every Job is done."""
        values_text = json.dumps(values)
        self.helm("upgrade", "--install", self.name, *self._chart_and_values(), *_waiting(timeout_s), text=values_text)

    def roll_back(self, revision: str, *options: str, timeout_s: float = PATIENCE_S, major: int = 4) -> None:
        """To an older one, and wait as `upgrade()` does; by that Helm."""
        self.helm("rollback", self.name, revision, *options, *_waiting(timeout_s), major=major)

    def helm(self, *arguments: str, text: str | None = None, major: int = 4) -> str:
        """Helm in the release's namespace."""
        return run(helm(major), "--namespace", self.namespace, *arguments, text=text)

    @property
    def revision(self) -> str:
        """The number of the newest one."""
        return str(json.loads(self.helm("history", self.name, "--max", "1", "--output", "json"))[-1]["revision"])

    def render(self, values: Mapping[str, Any]) -> str:
        """What `upgrade()` would apply."""
        return self.helm("template", self.name, *self._chart_and_values(), text=json.dumps(values))

    def _chart_and_values(self) -> list[str]:
        return [str(CHART), *(part for path in [*self._values, "-"] for part in ("--values", str(path)))]

    # ── pods ──
    def pods(self, component: str | None = None) -> list[Object]:
        """The release's pods that are not on their way out."""
        selector = f"app.kubernetes.io/instance={self.name}"
        if component:
            selector += f",app.kubernetes.io/component={component}"
        items = self.get("pods", "--selector", selector)["items"]
        return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]

    def uids(self) -> dict[str, set[str]]:
        """Which pods each component has, by their unique ids."""
        found: dict[str, set[str]] = {}
        for pod in self.pods():
            component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
            found.setdefault(component, set()).add(pod["metadata"]["uid"])
        return found

    def ready_uids(self, component: str) -> set[str]:
        """Unique ids of the component's pods that are ready."""
        return {pod["metadata"]["uid"] for pod in self.pods(component) if _ready(pod)}

    def ready_since(self, name: str) -> datetime | None:
        """Since when the pod is ready, None while it is not."""
        condition = _ready(self.get("pod", name))
        return datetime.fromisoformat(condition["lastTransitionTime"]) if condition else None

    def said(self, component: str, container: str, words: str) -> bool:
        """Whether that container of one of the component's pods said so."""
        names = [pod["metadata"]["name"] for pod in self.pods(component)]
        return any(words in self.kubectl("logs", name, "--container", container) for name in names)

    def ended(self, name: str) -> bool:
        """Whether the pod has done what it was to do."""
        return self.get("pod", name)["status"]["phase"] == "Succeeded"

    def all_ready(self) -> bool:
        """Whether every pod that stays up is ready, and every controller has as many as it wants."""
        return all(each["status"].get("readyReplicas", 0) == each["spec"]["replicas"] for each in self._controllers())

    def _controllers(self) -> list[Object]:
        return self.get("deployments,statefulsets", "--selector", f"app.kubernetes.io/instance={self.name}")["items"]

    def wait_ready(self) -> None:
        eventually(self.all_ready, "every pod to be ready")

    def wait_rolled_out(self) -> None:
        """Until all pods are of the newest revision, and ready."""
        for each in self._controllers():
            kind, name = each["kind"].lower(), each["metadata"]["name"]
            self.kubectl("rollout", "status", f"{kind}/{name}", f"--timeout={PATIENCE_S:.0f}s")

    @contextmanager
    def forwarded(self, service: str) -> Generator[str]:
        """A URL that leads to a Service's first port."""
        number = self.get("service", f"{self.name}-{service}")["spec"]["ports"][0]["port"]
        with forwarded(self.namespace, f"service/{self.name}-{service}", number) as port:
            yield f"http://127.0.0.1:{port}"


@contextmanager
def forwarded(namespace: str, target: str, number: int) -> Generator[int]:
    """A port of this machine that leads to one of the target."""
    port = free_port()
    command = ["kubectl", "--namespace", namespace, "port-forward", target, f"{port}:{number}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: _listens(port), what=f"the way to {target}")
            yield port
        finally:
            process.terminate()


def _waiting(timeout_s: float) -> list[str]:
    return ["--wait", "--wait-for-jobs", "--timeout", f"{timeout_s:.0f}s"]


def one_shot_pod(name: str, labels: dict[str, str], container: Object) -> Object:
    """A pod of a test's own that runs once, as the restricted Pod Security Standard wants it."""
    harmless = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    security = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
        "spec": {
            "restartPolicy": "Never", "automountServiceAccountToken": False, "enableServiceLinks": False,
            "securityContext": security, "containers": [{**container, "securityContext": harmless}],
        },
    }  # fmt: skip


def _ready(pod: Object) -> Object | None:
    """The condition that says so."""
    conditions = pod["status"].get("conditions", [])
    return next((each for each in conditions if each["type"] == "Ready" and each["status"] == "True"), None)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def eventually(attempt: Callable[[], Any], what: str, timeout_s: float = PATIENCE_S) -> Any:
    """What `attempt` returns once that is true; errors of the way there count as not yet."""
    give_up_at = time.monotonic() + timeout_s
    last: object = None
    while time.monotonic() < give_up_at:
        try:
            if last := attempt():
                return last
        except (CommandFailed, httpx.HTTPError, ValueError, KeyError) as error:
            last = error
        time.sleep(POLL_S)
    raise AssertionError(f"waited {timeout_s:.0f} s for {what}; last: {last}")
