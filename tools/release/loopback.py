"""What a release needs, small and on this machine: a registry's settings, images, repositories, an environment.

The release that is played by `python -m tools.release play` goes through it, and so do the tests.
"""

import json
import os
import subprocess
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .audit import REVISION
from .record import IMAGES, Release
from .registry import INDEX, MANIFEST, Registry, encoded
from .version import PROJECT, Version

PLATFORMS = ("amd64", "arm64")
ENVIRONMENTS = ("test", "staging", "production")
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_APPLICATION = """\
# A comment that a release leaves alone.
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {name}
spec:
  project: {name}
  destination: {{name: in-cluster, namespace: sens-{name}}}
  sources:
    - repoURL: https://git.example.org/sens-platform.git
      path: infra/helm/sens-platform
      targetRevision: ""
      helm:
        valueFiles:
          - $values/environments/{name}/values.yaml
          - $values/environments/{name}/release.yaml
    - repoURL: https://git.example.org/sens-platform-infra.git
      ref: values
      path: environments/{name}/manifests
      targetRevision: ""
"""


def registry_configuration(images: Path, port: int) -> dict[str, Any]:
    """docker-registry's configuration: plain HTTP on loopback, images in a folder."""
    return {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(images)}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }


def push_image(registry: Registry, image: str, content: str, revision: str = "") -> str:
    """Write an image for two platforms, each with one layer, under its digest alone, as a build does. Returns that."""
    platforms = [_push_platform(registry, image, architecture, content, revision) for architecture in PLATFORMS]
    return registry.push_manifest(image, {"schemaVersion": 2, "mediaType": INDEX, "manifests": platforms})


def build(registry: Registry, version: Version, project: str, commit: str) -> Release:
    """What a build of main hands on: images in the registry by digest, and what there is to say about them.

    Args:
        registry: where the images are pushed to.
        version: that of the build.
        project: URL of the platform's repository, which gets a commit that is built.
        commit: any text, which stands for what was built.
    """
    git_sha = _commit(Path(project.removeprefix("file://")), commit)
    return Release(
        version=str(version),
        git_sha=git_sha,
        commit_time="2026-01-31T12:00:00Z",
        branch="main",
        images={image: push_image(registry, image, f"{image} of {commit}", git_sha) for image in IMAGES},
        chart_revision=git_sha,
        schema_revision="0001",
        oldest_schema_revision="0001",
        ci_run=f"https://ci.example.org/runs/{'/'.join(map(str, version.numbers))}",
    )


def make_repository(folder: Path, files: Mapping[str, str]) -> str:
    """A bare repository whose main has these files. Returns its URL."""
    bare = folder.with_suffix(".git")
    _git(folder.parent, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    _git(folder.parent, "clone", "--quiet", str(bare), str(folder))
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    _git(folder, "add", ".")
    _git(folder, "-c", "user.name=A person", "-c", "user.email=person@example.org", "commit", "--quiet", "-m", "Begin")
    _git(folder, "push", "--quiet", "origin", "HEAD:main")
    return bare.resolve().as_uri()


def make_infra(folder: Path) -> str:
    """An infrastructure repository whose environments run nothing yet. Returns its URL."""
    applications = {f"applications/{name}.yaml": _APPLICATION.format(name=name) for name in ENVIRONMENTS}
    values = {f"environments/{name}/values.yaml": f"environment: {name}\n" for name in ENVIRONMENTS}
    return make_repository(folder, applications | values)


def make_project(folder: Path, version: Version) -> str:
    """The platform's repository, whose main leads to a version. Returns its URL."""
    return make_repository(folder, {str(PROJECT): f'[project]\nname = "sens-platform"\nversion = "{version}"\n'})


def _commit(bare: Path, message: str) -> str:
    """A commit on main that changes no file; its id."""
    author = ("-c", "user.name=A person", "-c", "user.email=person@example.org")
    commit = _git(bare, *author, "commit-tree", "-p", "main", "-m", message, "main^{tree}")
    _git(bare, "update-ref", "refs/heads/main", commit)
    return commit


class StandIn(ThreadingHTTPServer):
    """Answers as an environment does, for API and docs at once.

    Attributes:
        url: where.
        version: what it says that it runs.
        git_sha: the commit of that.
        healthy: whether it says that it is ready.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _StandInHandler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.version = "unreleased"
        self.git_sha = "unknown"
        self.healthy = True
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def run(self, release: Release) -> None:
        self.version, self.git_sha = release.version, release.git_sha

    def close(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _StandInHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        stand_in = self.server
        assert isinstance(stand_in, StandIn)
        body = json.dumps({"version": stand_in.version, "git_sha": stand_in.git_sha}).encode()
        self.send_response(503 if self.path == "/readyz" and not stand_in.healthy else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def _push_platform(registry: Registry, image: str, architecture: str, content: str, revision: str) -> Mapping[str, Any]:
    config = encoded(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Labels": {REVISION: revision}},
            "rootfs": {"type": "layers", "diff_ids": []},
        }
    )
    layer = f"{content} for {architecture}".encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": _CONFIG, "digest": registry.push_blob(image, config), "size": len(config)},
        "layers": [{"mediaType": _LAYER, "digest": registry.push_blob(image, layer), "size": len(layer)}],
    }
    return {
        "mediaType": MANIFEST,
        "digest": registry.push_manifest(image, manifest),
        "size": len(encoded(manifest)),
        "platform": {"os": "linux", "architecture": architecture},
    }


def _git(folder: Path, *arguments: str) -> str:
    # The same commits have the same ids each time.
    dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2026-01-31T12:00:00Z")
    command, environment = ["git", *arguments], {**os.environ, **dates}
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()
