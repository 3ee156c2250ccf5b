"""The chart rendered by real Helm, and what is in a render."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from servers import missing

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "infra" / "helm" / "sens-platform"
MAJOR_VERSIONS = (3, 4)
VALUES = {
    path.stem: path for folder in ("environments", "examples") for path in sorted((CHART / folder).glob("*.yaml"))
}
"""Every environment and example by its name."""
TAG = "0.1.0-alpha.1.1"

Object = dict[str, Any]


@cache
def helm(major: int) -> str:
    """Path of Helm with that major version: the one of tools/install-helm, else the PATH's."""
    own = ROOT / ".venv" / "bin" / f"helm{major}"
    for candidate in (str(own), shutil.which(f"helm{major}"), shutil.which("helm")):
        if candidate and Path(candidate).exists() and _major(candidate) == major:
            return candidate
    return missing(f"Helm {major}", "run tools/install-helm (Linux on amd64), or put it on the PATH") or ""


def _major(binary: str) -> int:
    return int(_run([binary, "version", "--template", "{{.Version}}"]).stdout.removeprefix("v").partition(".")[0])


def _run(command: list[str], text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, input=text)


class Refused(Exception):
    """Helm did not render; its words."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that some object of a render makes."""

    kind: str
    name: str
    component: str
    spec: Object
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def containers(self) -> list[Object]:
        """Init containers too."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]


@cache
def render_text(name: str, overrides: str = "{}", *, major: int = 4, release: str = "sens") -> str:
    """The chart with an environment's values, and over them these, as JSON.

    Raises:
        Refused: the values are refused.
    """
    values = json.dumps({"imageTag": TAG} | json.loads(overrides))
    command = [
        helm(major), "template", release, str(CHART), "--namespace", "telemetry", "--values", str(VALUES[name]),
        "--values", "-",
    ]  # fmt: skip
    done = _run(command, values)
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


def objects(text: str) -> list[Object]:
    """The objects of a render."""
    return [document for document in YAML(typ="safe").load_all(text) if document]


def render(name: str, overrides: Mapping[str, Any] | None = None, **how: Any) -> list[Object]:
    """As `render_text()`, parsed."""
    return objects(render_text(name, json.dumps(overrides or {}), **how))


def pods(rendered: list[Object]) -> Iterator[Pod]:
    """Every pod of a render, those of Jobs and tests included."""
    for each in rendered:
        template = each if each["kind"] == "Pod" else each.get("spec", {}).get("template")
        if template and "containers" in template.get("spec", {}):
            metadata = template["metadata"]
            labels = metadata["labels"]
            component = labels["app.kubernetes.io/component"]
            yield Pod(
                each["kind"],
                each["metadata"]["name"],
                component,
                template["spec"],
                labels,
                metadata.get("annotations", {}),
            )


def of_kind(rendered: list[Object], kind: str) -> list[Object]:
    """The objects of one kind."""
    return [each for each in rendered if each["kind"] == kind]
