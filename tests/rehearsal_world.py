"""All that takes part in a rehearsal: both repositories, the registry, and the environments on the cluster."""

import contextlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
from ruamel.yaml import YAML

from argo_cd import NAMESPACE, is_deployed, refresh
from infra_repository import InfraRepository
from kube import Release, eventually, run
from kube_api import SOURCE, Api, flows_on
from kube_device import DEVICE, METRIC, CountingDevice
from platform_repository import Platform, StepFailed
from release.registry import Registry

PASSWORD = "correct horse battery staple"
"""Of everybody whom the rehearsal gives one."""
DEVICES = "sens-rehearsal-devices"
"""Namespace of production's devices and their broker."""
BROKER = f"broker.{DEVICES}"
PRODUCTIONS_SOURCE = "plant"
FILES = Path(__file__).parent / "rehearsal"


class Environment:
    """One of the platform's environments.

    Attributes:
        name: test, staging or production; its Application is called so.
        release: what its Application makes.
        api: its API.
    """

    def __init__(self, name: str, source: str = SOURCE, broker: str | None = None) -> None:
        self.name = name
        self.release = Release("sens", f"sens-{name}", [])
        self.api = Api(self.release, source)
        self._broker = broker
        self._device: CountingDevice | None = None

    def is_to_run(self, version: str) -> None:
        """Wait until it does: deployed whole, its smoke test passed, and by its own word."""
        refresh("root")
        eventually(lambda: is_deployed(self.name) and self.version == version, f"{self.name} to run {version}")

    @property
    def version(self) -> str:
        with self.release.forwarded("platform-api") as url:
            return httpx.get(f"{url}/version", timeout=20).raise_for_status().json()["version"]

    @contextmanager
    def urls(self) -> Generator[list[str]]:
        """Options of a step that tell where its API and its docs are reached from here."""
        with self.release.forwarded("platform-api") as api, self.release.forwarded("docs") as docs:
            yield ["--api", api, "--docs", docs]

    def begin(self) -> None:
        """The first admin, a key, and a device that counts what it sends."""
        self.api.make_key()
        pods = self.release.pods("platform-api")
        self._device = CountingDevice(self.release, pods[0]["spec"]["containers"][0]["image"], self._broker)
        self._device.start()
        eventually(lambda: self.api.values(DEVICE, METRIC), "readings of the device that counts")
        flows_on(self.api)

    def end(self) -> int:
        """How many messages the device had acknowledged."""
        assert self._device is not None
        return self._device.stop()


class Rehearsal:
    """What the tests tell their story with.

    Attributes:
        alphas: versions that were built, in order.
    """

    def __init__(self, folder: Path) -> None:
        self._prefix = os.environ["IMAGE_PREFIX"]
        platform, infra = os.environ["REHEARSAL_PLATFORM"], os.environ["REHEARSAL_INFRA"]
        self.platform = Platform(platform, infra, Registry(self._prefix), folder / "platform")
        self.infra = InfraRepository(infra, folder / "infra")
        self.test = Environment("test")
        self.staging = Environment("staging")
        self.production = Environment("production", PRODUCTIONS_SOURCE, BROKER)
        self.alphas: list[str] = []

    @property
    def environments(self) -> list[Environment]:
        return [self.test, self.staging, self.production]

    def clean(self) -> None:
        """Take away what an earlier rehearsal left."""
        gone = ("--ignore-not-found", "--wait=true", "--timeout=300s")
        applications = ["root", *(environment.name for environment in self.environments)]
        run("kubectl", "--namespace", NAMESPACE, "delete", "application", *applications, *gone)
        namespaces = [DEVICES, *(environment.release.namespace for environment in self.environments)]
        run("kubectl", "delete", "namespace", *namespaces, *gone)

    def bootstrap(self) -> None:
        """As docs/gitops.md tells, from a cluster with Argo CD."""
        run("kubectl", "apply", "--filename", str(FILES / "devices.yaml"))
        self.infra.begin(self._write, {each.name: self._own_values(each.name) for each in self.environments})
        self.infra.apply("namespaces", "argocd", "policies")
        for environment in self.environments:
            environment.release.make_secrets()
        accounts = '{"data": {"accounts.guest": "login"}}'
        run("kubectl", "--namespace", NAMESPACE, "patch", "configmap", "argocd-cm", "--patch", accounts)
        run("kubectl", "--namespace", NAMESPACE, "rollout", "restart", "deployment/argocd-server")
        run("kubectl", "--namespace", NAMESPACE, "rollout", "status", "deployment/argocd-server", "--timeout=300s")
        self.infra.apply("projects")

    def promote(self, promotion: str) -> str:
        """What the workflow of a promotion to production does."""
        with self.test.urls() as urls:
            return self.platform.step("promote", "--promotion", promotion, *urls)

    def _write(self, folder: Path) -> None:
        """By the command, which wants its settings filled in first."""
        with contextlib.suppress(StepFailed):
            self.platform.step("infra", str(folder))
        settings = folder / "settings.yaml"
        yaml = YAML()
        written = yaml.load(settings)
        written["platformRepository"], written["infraRepository"] = self.platform.url, self.infra.url
        written["imageRegistry"] = self._prefix.rpartition("/")[0]
        yaml.dump(written, settings)
        self.platform.step("infra", str(folder))

    def _own_values(self, environment: str) -> dict[str, object]:
        own = YAML(typ="safe").load(FILES / "values" / f"{environment}.yaml")
        return {**own, "smokeTest": {"waitSeconds": 60}}
