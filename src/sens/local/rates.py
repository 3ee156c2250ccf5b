"""How fast messages come in and readings are stored, by the parts' own counters."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx
from prometheus_client.parser import text_string_to_metric_families

from sens.local.probes import local_client


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter to watch.

    Attributes:
        title: for a person.
        url: of the part's metrics.
        metric: the counter's name.
        labels: count only samples with these.
    """

    title: str
    url: str
    metric: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


MESSAGES_IN = "sens_ingestion_messages_received_total"
READINGS = "sens_telemetry_readings_total"
STORED = {"outcome": "stored"}


def total(text: str, counted: Counted) -> float:
    """The sum of a counter's samples in a scrape."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == counted.metric and counted.labels.items() <= sample.labels.items()
    )


class Rates:
    """Rates a second between one look and the next."""

    def __init__(self, counted: list[Counted]) -> None:
        self._counted = counted
        self._client = local_client()
        self._last: dict[str, tuple[float, float]] = {}

    async def look(self) -> dict[str, float | None]:
        """Title → rate; None while it is not known: the part is away, or was not seen twice."""
        totals = await asyncio.gather(*(self._total(counted) for counted in self._counted))
        now = time.monotonic()
        return {
            each.title: self._rate(each.title, value, now) for each, value in zip(self._counted, totals, strict=True)
        }

    def _rate(self, title: str, value: float | None, now: float) -> float | None:
        if value is None:
            self._last.pop(title, None)
            return None
        before, then = self._last.get(title, (float("inf"), now))
        self._last[title] = (value, now)
        # A counter that went back belongs to a new process.
        return (value - before) / (now - then) if now > then and value >= before else None

    async def _total(self, counted: Counted) -> float | None:
        try:
            response = await self._client.get(counted.url)
            return total(response.text, counted) if response.is_success else None
        except (httpx.HTTPError, ValueError):
            return None
