"""The infrastructure repository: what each environment is to run.

environments/<name>/release.yaml has the values that a release changes, and nobody else writes it; values.yaml beside it
is people's. applications/<name>.yaml is the environment's Argo CD Application, whose sources are pinned by commits: the
chart and, with `ref: values`, this repository. candidate.json is the promotion to production that was begun last.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from .git import Branch
from .record import Candidate, Release, read, write
from .refusal import Refusal
from .version import Version, parse

CANDIDATE: Final = "candidate.json"
_HEAD: Final = "# Written by releases; other values of this environment stand in values.yaml.\n"
_IMAGE_PLACES: Final[Mapping[str, str]] = {
    "platformApi": "platform-api",
    "mqttIngestionWorker": "mqtt-ingestion-worker",
    "telemetryWorker": "telemetry-worker",
    "webConsole": "web-console",
    "docs": "docs",
    "migrations": "telemetry-worker",
    "mockMqttBroker.simulator": "mqtt-ingestion-worker",
}
"""Where the chart's values name which image."""


@dataclass(frozen=True, slots=True)
class Desired:
    """What an environment is to run.

    Attributes:
        version: of its values; None before its first release.
        images: the digest of every image in its values.
        commit: the commit that changed its values or its Application last.
        values_commit: the commit that changed its values last.
        chart_revision: the commit of the chart that its Application pins; empty if it pins none.
        values_revision: the commit of the values that its Application pins; empty if it pins none.
    """

    version: Version | None
    images: Mapping[str, str]
    commit: str
    values_commit: str
    chart_revision: str
    values_revision: str


class Infra:
    """The repository at what it was when it was last refreshed. Every write pushes one commit, or raises PushRace."""

    def __init__(self, branch: Branch) -> None:
        self._branch = branch

    def refresh(self) -> None:
        self._branch.refresh()

    @property
    def head(self) -> str:
        return self._branch.head

    def desired(self, environment: str) -> Desired:
        text = self._branch.read(_values(environment))
        version, images = (None, {}) if text is None else images_of(text, _values(environment))
        return Desired(
            version,
            images,
            self._branch.last_commit(_folder(environment), _application_path(environment)),
            self._branch.last_commit(_folder(environment)),
            *pins_of(self._application(environment), _application_path(environment)),
        )

    def urls(self, environment: str) -> tuple[str, str]:
        """Where an environment publishes its API and its docs, by the values that people write.

        Raises:
            Refusal: it publishes none.
        """
        path = f"{_folder(environment)}/values.yaml"
        values = _yaml().load(self._branch.read(path) or "{}")
        api, docs = (_published(values, component) for component in ("platformApi", "docs"))
        if not api or not docs:
            raise Refusal(f"{path} publishes no API or no docs: say where they are by --api and --docs")
        return api, docs

    def candidate(self) -> Candidate | None:
        text = self._branch.read(CANDIDATE)
        return None if text is None else read(text.encode(), Candidate, CANDIDATE)

    def commit_values(self, environment: str, release: Release) -> None:
        message = f"Give {environment} the images of {release.version}\n\nCommit {release.git_sha} of the platform."
        self._branch.commit(message, {_values(environment): values_of(release)})

    def pin(self, environment: str, version: Version, chart_revision: str, values_revision: str) -> None:
        path = _application_path(environment)
        message = f"Let {environment} run {version}\n\nChart {chart_revision}, values {values_revision}."
        text = with_pins(self._application(environment), path, chart_revision, values_revision)
        self._branch.commit(message, {path: text})

    def fix(self, candidate: Candidate) -> None:
        message = f"Fix {candidate.alpha} as the candidate of {candidate.version}\n\nPromotion {candidate.promotion}."
        self._branch.commit(message, {CANDIDATE: write(candidate).decode()})

    def _application(self, environment: str) -> str:
        path = _application_path(environment)
        text = self._branch.read(path)
        if text is None:
            raise Refusal(f"the infrastructure repository has no {path}: write it by `python -m tools.release infra`")
        return text


def pins_of(application: str, where: str) -> tuple[str, str]:
    """The revisions of chart and values that an Application pins; empty where it pins none."""
    chart, values = _sources(_yaml().load(application), where)
    return chart.get("targetRevision") or "", values.get("targetRevision") or ""


def with_pins(application: str, where: str, chart_revision: str, values_revision: str) -> str:
    """An Application that pins other revisions, all else as it was."""
    yaml = _yaml()
    changed = yaml.load(application)
    chart, values = _sources(changed, where)
    for source, revision in ((chart, chart_revision), (values, values_revision)):
        source["targetRevision"] = DoubleQuotedScalarString(revision)
    text = StringIO()
    yaml.dump(changed, text)
    return text.getvalue()


def values_of(release: Release) -> str:
    """The chart's values that make it run a release: the tag for people, digests for what is pulled."""
    values: dict[str, Any] = {"imageTag": release.version}
    for place, image in _IMAGE_PLACES.items():
        inner = values
        for key in place.split("."):
            inner = inner.setdefault(key, {})
        inner["image"] = {"digest": release.images[image]}
    text, yaml = StringIO(), _yaml()
    yaml.dump(values, text)
    return _HEAD + text.getvalue()


def images_of(text: str, where: str) -> tuple[Version, dict[str, str]]:
    """The version and the digest of every image in such values.

    Raises:
        Refusal: they are not as `values_of` writes them.
    """
    flaw = Refusal(f"{where} was changed by hand: put back what the last release wrote")
    images: dict[str, str] = {}
    try:
        values = _yaml().load(text)
        version = parse(values["imageTag"])
        for place, image in _IMAGE_PLACES.items():
            digest = _at(values, place)["image"]["digest"]
            if images.setdefault(image, digest) != digest:
                raise flaw
    except (KeyError, TypeError) as missing:
        raise flaw from missing
    return version, images


def _yaml() -> Any:
    """Reads and writes files so that nothing of them changes but what is meant."""
    yaml: Any = YAML()
    yaml.width = 4096
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _at(values: Any, place: str) -> Any:
    for key in place.split("."):
        values = values[key]
    return values


def _sources(application: Any, where: str) -> tuple[Any, Any]:
    """The sources of an Application for the chart and for the values."""
    sources = application["spec"]["sources"]
    charts = [source for source in sources if "ref" not in source]
    values = [source for source in sources if source.get("ref") == "values"]
    if len(charts) != 1 or len(values) != 1:
        raise Refusal(f"{where} needs one source without a ref and one with `ref: values`")
    return charts[0], values[0]


def _published(values: Any, component: str) -> str:
    """The URL of a component's ingress; empty if it has none."""
    ingress = values.get(component, {}).get("ingress", {})
    if not ingress.get("enabled") or not ingress.get("hosts"):
        return ""
    scheme = "https" if ingress.get("tls", {}).get("enabled") else "http"
    return f"{scheme}://{ingress['hosts'][0]}"


def _folder(environment: str) -> str:
    return f"environments/{environment}"


def _values(environment: str) -> str:
    return f"{_folder(environment)}/release.yaml"


def _application_path(environment: str) -> str:
    return f"applications/{environment}.yaml"
