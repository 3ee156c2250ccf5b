"""The infrastructure repository of a rehearsal, written and changed as people do."""

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from kube import run

_AUTHOR = ("-c", "user.name=Rehearsal", "-c", "user.email=rehearsal@example.org")


@dataclass
class InfraRepository:
    """A checkout of main, whose origin the cluster reads."""

    url: str
    folder: Path

    def begin(self, write: Callable[[Path], object], values: Mapping[str, Mapping[str, Any]]) -> None:
        """Fill it: by `write`, then what people have in their environments' values over what that wrote."""
        self.folder.mkdir()
        self._git("init", "--quiet", "--initial-branch=main")
        self._git("remote", "add", "origin", self.url)
        write(self.folder)
        for environment, own in values.items():
            merge_values(self.folder / f"environments/{environment}/values.yaml", own)
        self._git("add", ".")
        self._git(*_AUTHOR, "commit", "--quiet", "--message", "Begin")
        self._git("push", "--quiet", "--force", "origin", "main")

    def apply(self, *folders: str) -> None:
        """Apply folders of `cluster/`, as the bootstrap tells."""
        for folder in folders:
            place = str(self.folder / "cluster" / folder)
            run("kubectl", "apply", "--server-side", "--force-conflicts", "--kustomize", place)

    def pinned(self, environment: str) -> set[tuple[str, ...]]:
        """The revisions of chart and values that releases have let an environment run, of all its history."""
        path = f"applications/{environment}.yaml"
        self._git("fetch", "--quiet", "origin")
        commits = self._git("log", "--format=%H", "origin/main", "--", path).split()
        sources = [YAML().load(self._git("show", f"{commit}:{path}"))["spec"]["sources"] for commit in commits]
        pairs = {tuple(source["targetRevision"] for source in each) for each in sources}
        return {pair for pair in pairs if pair != ("0" * 40,) * 2}

    def _git(self, *arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True).stdout


def merge_values(place: Path, own: Mapping[str, Any]) -> None:
    """Lay values over those of a file."""
    yaml = YAML()
    values = yaml.load(place)
    _merge(values, own)
    yaml.dump(values, place)


def _merge(into: Any, own: Mapping[str, Any]) -> None:
    """As Helm merges: mappings key by key, null takes away, all else is replaced."""
    for key, value in own.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(into.get(key), Mapping):
            _merge(into[key], value)
        else:
            into[key] = value
