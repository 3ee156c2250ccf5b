"""How a metric is declared: once, with what the docs tell about it, in the section of its process.

Each section has a registry of its own, so that a process shows its metrics only, and declaring all of
them in one file costs the others nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Twice as many series for a time that nobody reads.
prometheus_client.disable_created_metrics()

CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST


class Section(Enum):
    """The process that a metric belongs to, as it is deployed; PROCESS: every one."""

    PROCESS = "process"
    INGESTION = "mqtt-ingestion-worker"
    TELEMETRY = "telemetry-worker"
    API = "platform-api"

    registry: CollectorRegistry

    def __init__(self, _component: str) -> None:
        self.registry = CollectorRegistry()


LABELS = {
    "check": "name of a readiness check",
    "component": "name of the deployable",
    "git_sha": "commit of the build",
    "mark": "`write` (before it a write is late) or `read` (before it queries trust the rollup)",
    "method": "HTTP method",
    "outcome": "`stored`, `duplicate` or `conflict`",
    "phase": "step of a batch, as listed for the metric",
    "python": "version of Python",
    "reason": "code of a quarantine or ignore reason",
    "route": "route template such as `/api/v1/devices/{device_id}`; `unmatched` where none fits",
    "source": "a source named in the configuration",
    "status": "HTTP status code",
    "task": "name of a supervised task; one or a few for each source",
    "tier": "`raw` or `rollup`",
    "version": "version that was deployed, or `unreleased`",
}
"""Every label there is. All are bounded by the code or the configuration; none holds a device, a topic
or anything else that a sender can choose."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What the docs tell about a metric. `name` is as it is scraped; `kind` as Prometheus calls it."""

    section: Section
    name: str
    kind: str
    text: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()


CATALOGUE: list[Declaration] = []
"""All metrics of all processes, in the order of their declaration."""


def counter(section: Section, name: str, text: str, *labels: str) -> Counter:
    """Declare a counter; `name` ends in `_total`."""
    _declare(Declaration(section, name, "counter", text, labels))
    return Counter(name, text, labels, registry=section.registry)


def gauge(section: Section, name: str, text: str, *labels: str) -> Gauge:
    """Declare a gauge."""
    _declare(Declaration(section, name, "gauge", text, labels))
    return Gauge(name, text, labels, registry=section.registry)


def histogram(section: Section, name: str, text: str, *labels: str, buckets: Sequence[float]) -> Histogram:
    """Declare a histogram; `buckets` are upper bounds, ascending, without infinity."""
    _declare(Declaration(section, name, "histogram", text, labels, tuple(buckets)))
    return Histogram(name, text, labels, registry=section.registry, buckets=buckets)


def _declare(declaration: Declaration) -> None:
    unknown = set(declaration.labels) - LABELS.keys()
    if unknown:
        raise ValueError(f"{declaration.name}: describe the labels {sorted(unknown)} in LABELS first")
    CATALOGUE.append(declaration)


def render(component: str) -> bytes:
    """The metrics of a process in the Prometheus text format: those of all processes, and its own."""
    sections = [section for section in Section if section is Section.PROCESS or section.value == component]
    return b"".join(prometheus_client.generate_latest(section.registry) for section in sections)
