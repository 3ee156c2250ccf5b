"""Argo CD's own files, of the version that the infrastructure repository pins: its model of rights, its schemas.

They are read from its Go module where they are needed, and stand nowhere here.
"""

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from release.gitops import TEMPLATE
from servers import missing

PINNED = re.compile(r"argo-cd/(v[0-9.]+)/")


@cache
def module() -> Path:
    """The folder of the module."""
    found = PINNED.search((TEMPLATE / "cluster/argocd-install/kustomization.yaml").read_text())
    assert found
    if shutil.which("go") is None:
        missing("go", "install Go: Argo CD's model of rights and its schemas are in its Go module")
    command = ["go", "mod", "download", "-json", f"github.com/argoproj/argo-cd/v3@{found[1]}"]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        missing("Argo CD's Go module", f"the Go module proxy does not answer: {done.stderr or done.stdout}")
    return Path(json.loads(done.stdout)["Dir"])


@cache
def schema(kind: str) -> Any:
    """The schema of Application or AppProject, closed as the API server prunes what it does not know."""
    crd = YAML(typ="safe").load(module() / "manifests" / "crds" / f"{kind.lower()}-crd.yaml")
    (version,) = crd["spec"]["versions"]
    return _closed(version["schema"]["openAPIV3Schema"])


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if "properties" in schema and isinstance(schema["properties"], dict) and schema.get("type") == "object":
        closed["properties"] = {name: _closed(value) for name, value in schema["properties"].items()}
        if "apiVersion" not in schema["properties"]:
            closed.setdefault("additionalProperties", False)
    return closed
