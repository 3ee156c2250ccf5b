"""A whole release on this machine: registry and Git on loopback, images of a few bytes, a stand-in for test."""

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

from . import rules
from .environment import smoke
from .git import Branch
from .infra import Infra
from .loopback import StandIn, build, make_infra, make_project, registry_configuration
from .refusal import Refusal, Unfinished
from .registry import Registry
from .steps import Delivery, Project
from .telling import told
from .version import parse

_START_TIMEOUT_S = 30.0


def play() -> None:
    """Play a release and print what each step did and what the environments are to run then."""
    with tempfile.TemporaryDirectory(prefix="release") as name, _registry(Path(name)) as address:
        folder = Path(name)
        test = StandIn()
        try:
            _play(folder, Registry(f"{address}/sens-platform"), test)
        finally:
            test.close()


def _play(folder: Path, registry: Registry, test: StandIn) -> None:
    infra = Infra(Branch(make_infra(folder / "infra"), folder / "infra-clone"))
    repository = make_project(folder / "project", parse("0.5.0"))
    project = Project(Branch(repository, folder / "project-clone"))
    delivery = Delivery(
        registry, infra, project, lambda: smoke(test.url, test.url), lambda action: print(f"  {told(action)}")
    )
    release = build(registry, project.declared.alpha(run=123, attempt=1), repository, "a commit")
    print(f"main is built as {release.version}")
    delivery.release_alpha(release)
    test.run(release)
    _print_state(infra)
    print("promote to staging")
    delivery.promote_staging()
    _print_state(infra)
    print("promote to production")
    delivery.promote_production("run 124")
    _print_state(infra)
    print("promote to production again")
    delivery.promote_production("run 124")
    print("  nothing is left to do")
    print("a further build of main, before the next version is merged")
    try:
        version = project.declared.alpha(run=125, attempt=1)
        delivery.release_alpha(build(registry, version, repository, "another commit"))
    except Refusal as refusal:
        print(f"  refused: {refusal}")


def _print_state(infra: Infra) -> None:
    infra.refresh()
    desired = {name: infra.desired(name).version or "nothing" for name in rules.KINDS}
    print("  → " + ", ".join(f"{name} {version}" for name, version in desired.items()))


@contextlib.contextmanager
def _registry(folder: Path) -> Generator[str]:
    """A registry on a free port, until the end of the block; its address."""
    binary = shutil.which("docker-registry")
    if binary is None:
        raise Unfinished("docker-registry is missing: as root on Debian or Ubuntu run tools/install-debian-packages")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = folder / "registry.json"
    settings.write_text(json.dumps(registry_configuration(folder / "images", port)))
    log = (folder / "registry.log").open("wb")
    with log, subprocess.Popen([binary, "serve", str(settings)], stdout=log, stderr=log) as process:
        try:
            _wait_for(port, process)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise Unfinished("docker-registry does not start: run it by hand to see why")
