"""Builds the container images and looks at what came out: `images.py build`, `images.py check` or `images.py publish`.

It takes docker (with buildx), podman or buildah, whichever is there. `build` fails when an image is larger than it may
be. `check` builds them once more from nothing (of the backends, which have the same layers, one) and fails when the
layers are others, when an image has what none should have, or when a program in it does not start. Without a builder
both say so and do nothing, or fail where SENS_REQUIRE_IMAGES=1.

`publish` builds for all PLATFORMS with docker, pushes without a tag, with SBOM and provenance, and prints what each
image is: `docs=sha256:…`.

Environment: IMAGE_PREFIX, IMAGE_TAG, PUSH=1, IMAGE_SOURCE, the base images and package registries that
infra/docker/Dockerfile names, PLATFORMS (docker only), IMAGE_BUILDER (docker, podman or buildah, with options) and
IMAGE_BUILD_OPTIONS (of its build command).
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from image_archive import Archive, read_archive

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = "infra/docker/Dockerfile"
BACKENDS = ("platform-api", "mqtt-ingestion-worker", "telemetry-worker")
SITES = ("web-console", "docs")
LIMITS_MB = {**dict.fromkeys(BACKENDS, 250), **dict.fromkeys(SITES, 60)}
"""Largest sizes, unpacked."""
PASSED_ON = ("PYTHON_IMAGE", "NODE_IMAGE", "STATIC_IMAGE", "PIP_INDEX_URL", "NPM_CONFIG_REGISTRY")
REVISION = "org.opencontainers.image.revision"
LABELS = ("revision", "created", "licenses", "title")
EVERY_MODULE = (
    "import importlib, pkgutil, sens\n"
    "names = [module.name for module in pkgutil.walk_packages(sens.__path__, 'sens.')]\n"
    "for name in names:\n"
    "    if name.split('.')[1] not in ('__main__', 'local') and '.migrations' not in name:\n"
    "        importlib.import_module(name)\n"
)
"""All of `sens` but what `sens up` starts with servers that no image has, and what Alembic runs."""


class Commit:
    """What is built: the commit's id (with `-dirty` where files differ from it) and its time, for labels and files."""

    def __init__(self) -> None:
        changed = _git("status", "--porcelain")
        self.sha = _git("rev-parse", "HEAD") + ("-dirty" if changed else "")
        self.epoch_s = _git("show", "--no-patch", "--format=%ct", "HEAD")
        self.date = datetime.fromtimestamp(int(self.epoch_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Builder:
    """docker, podman or buildah.

    Attributes:
        commit: what it builds.
    """

    def __init__(self, command: list[str], commit: Commit) -> None:
        self._command = command
        self._kind = Path(command[0]).name
        self.commit = commit
        self._prefix = os.environ.get("IMAGE_PREFIX", "sens-platform")
        self._tag = os.environ.get("IMAGE_TAG") or f"dev-{commit.sha[:12]}"

    def name(self, image: str) -> str:
        return f"{self._prefix}/{image}:{self._tag}"

    def build(self, image: str, *, from_nothing: bool = False) -> None:
        options = ["--no-cache"] if from_nothing else []
        given = shlex.split(os.environ.get("IMAGE_BUILD_OPTIONS", ""))
        if self._kind == "docker":
            output = "type=docker,rewrite-timestamp=true"
            bake = ["buildx", "bake", "--file", "infra/docker/docker-bake.hcl", "--set", f"*.output={output}"]
            self._run(*bake, *options, *given, image, environment=self._variables())
            return
        arguments = [f"--build-arg={name}={value}" for name, value in self._variables().items()]
        options += ["--layers", "--timestamp", self.commit.epoch_s, *arguments, *given]
        self._run("build", *options, "--target", image, "--tag", self.name(image), "--file", DOCKERFILE, ".")

    def push(self, image: str) -> None:
        insecure = ["--tls-verify=false"] if self._prefix.startswith("localhost:") and self._kind != "docker" else []
        self._run("push", *insecure, self.name(image))

    def publish(self) -> dict[str, str]:
        """Build all images for all platforms and push them by their digests alone. Returns those.

        Raises:
            SystemExit: it is not docker, which alone builds whole indexes with what is said about them.
        """
        if self._kind != "docker":
            sys.exit("images: docker with buildx is needed to publish: it builds every platform, SBOM and provenance")
        output = "type=image,push=true,push-by-digest=true,name-canonical=true,rewrite-timestamp=true"
        # What is pushed by digest has a name and no tag.
        names = [f"--set={image}.tags={self._prefix}/{image}" for image in LIMITS_MB]
        with tempfile.TemporaryDirectory(prefix="image") as folder:
            told = Path(folder) / "metadata.json"
            bake = ["buildx", "bake", "--file", "infra/docker/docker-bake.hcl", f"--set=*.output={output}", *names]
            said = ["--sbom=true", "--provenance=mode=max", f"--metadata-file={told}"]
            self._run(*bake, *said, environment=self._variables())
            targets = json.loads(told.read_text())
        return {image: targets[image]["containerimage.digest"] for image in LIMITS_MB}

    def archive(self, image: str) -> Archive:
        """The image as it would be shipped."""
        with tempfile.TemporaryDirectory(prefix="image") as folder:
            path = Path(folder) / "image.tar"
            if self._kind == "buildah":
                self._run("push", "--quiet", self.name(image), f"docker-archive:{path}:{self.name(image)}")
            else:
                self._run("save", "--output", str(path), self.name(image))
            return read_archive(path)

    def run(self, image: str, *command: str) -> None:
        """Run a program of the image as its user, with a read-only root where the builder can."""
        if self._kind != "buildah":
            self._run(
                "run", "--rm", "--read-only", "--tmpfs=/tmp", "--entrypoint", command[0], self.name(image), *command[1:]
            )
            return
        container = self._run("from", "--pull-never", self.name(image), quiet=True).strip()
        try:
            self._run("run", container, "--", *command)
        finally:
            self._run("rm", container, quiet=True)

    def _variables(self) -> dict[str, str]:
        passed_on = {name: os.environ[name] for name in PASSED_ON if os.environ.get(name)}
        return {
            "GIT_SHA": self.commit.sha,
            "BUILD_DATE": self.commit.date,
            "SOURCE_DATE_EPOCH": self.commit.epoch_s,
            "IMAGE_SOURCE": os.environ.get("IMAGE_SOURCE", ""),
            "IMAGE_PREFIX": self._prefix,
            "IMAGE_TAG": self._tag,
        } | passed_on

    def _run(self, *arguments: str, environment: Mapping[str, str] | None = None, quiet: bool = False) -> str:
        done = subprocess.run(
            [*self._command, *arguments],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE if quiet else sys.stderr,
            text=True,
            check=True,
        )
        return done.stdout or ""


def find_builder() -> list[str] | None:
    """The builder to take: the one that was named, or the first that is there and works."""
    named = shlex.split(os.environ.get("IMAGE_BUILDER", ""))
    if named:
        return named
    tries = {"docker": ["buildx", "ls"], "podman": ["info"], "buildah": ["info"]}
    for program, arguments in tries.items():
        if (
            shutil.which(program)
            and not subprocess.run([program, *arguments], capture_output=True, check=False).returncode
        ):
            return [program]
    return None


def build(builder: Builder) -> list[str]:
    """Build all images and print their sizes. Returns what is wrong."""
    wrong: list[str] = []
    for image, limit_mb in LIMITS_MB.items():
        builder.build(image)
        archive = builder.archive(image)
        size_mb = archive.size_bytes / 1e6
        print(f"{builder.name(image)}  {size_mb:.0f} MB unpacked, of {limit_mb}", flush=True)
        if size_mb > limit_mb:
            wrong.append(f"{image} has {size_mb:.0f} MB, {limit_mb} are allowed")
        if (told := archive.config["Labels"][REVISION]) != builder.commit.sha:
            wrong.append(f"{image} says that it is {told}, not {builder.commit.sha}")
    if not wrong and os.environ.get("PUSH") == "1":
        for image in LIMITS_MB:
            builder.push(image)
    return wrong


def check(builder: Builder) -> list[str]:
    """Build all images twice and look at them. Returns what is wrong."""
    wrong = build(builder)
    archives = {image: builder.archive(image) for image in LIMITS_MB}
    for image, archive in archives.items():
        wrong += [f"{image}: {flaw}" for flaw in flaws(image, archive)]
    for image in BACKENDS[1:]:
        if archives[image].layers != archives[BACKENDS[0]].layers:
            wrong.append(f"{image}: its layers are not those of {BACKENDS[0]}")
    for image in (BACKENDS[0], *SITES):
        builder.build(image, from_nothing=True)
        again = builder.archive(image).layers
        if again != archives[image].layers:
            wrong.append(f"{image}: built again, it has other layers: {archives[image].layers} and {again}")
    for image in BACKENDS:
        builder.run(image, "sens", "version")
        builder.run(image, "/opt/sens/bin/python", "-c", EVERY_MODULE)
    return wrong


def flaws(image: str, archive: Archive) -> Iterator[str]:
    """What an image of ours must not be."""
    user = "10001:10001" if image in BACKENDS else "101:101"
    config = archive.config
    if config.get("User") != user:
        yield f"its user is {config.get('User')}, not {user}"
    if config.get("Healthcheck"):
        yield "it has a health check"
    if image in BACKENDS and config.get("Entrypoint") != ["sens"]:
        yield f"its entry point is {config.get('Entrypoint')}"
    for label in LABELS:
        if not config.get("Labels", {}).get(f"org.opencontainers.image.{label}"):
            yield f"it has no label org.opencontainers.image.{label}"
    programs = (
        ("sh", "bash", "dash", "gcc", "cc", "pip", "pip3", "apt-get") if image in BACKENDS else ("gcc", "node", "npm")
    )
    found = sorted(name for name in archive.files if name.rpartition("/")[2] in programs and "bin/" in name)
    if found:
        yield f"it has {', '.join(found)}"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def main() -> int:
    command = find_builder()
    if not command:
        print("images: NOT BUILT, none of docker buildx, podman and buildah is here or works", file=sys.stderr)
        return int(os.environ.get("SENS_REQUIRE_IMAGES") == "1")
    builder = Builder(command, Commit())
    if sys.argv[1] == "publish":
        print("\n".join(f"{image}={digest}" for image, digest in builder.publish().items()))
        return 0
    wrong = {"build": build, "check": check}[sys.argv[1]](builder)
    for flaw in wrong:
        print(f"images: {flaw}", file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
