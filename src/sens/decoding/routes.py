"""Where a message goes by its topic: looked up once per distinct topic."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple, cast

from sens.decoders.imported import ImportDecoder
from sens.domain.columns import Decoder, DecoderType, Rejection
from sens.domain.names import SOURCE_NAME
from sens.domain.reasons import Reason
from sens.sources.models import Configuration, Source
from sens.sources.routing import Ignored
from sens.sources.routing import Router as SourceRouter

MAX_TOPICS = 200_000
"""Distinct topics that are remembered for each source; at the limit all are forgotten."""

IMPORT_OLDEST = timedelta(days=36_500)
IMPORT_NEWEST = timedelta(days=1)
"""How far from now a reading of an import may lie: a file of another unit of time does not make partitions for ever,
and one of the future would stand as its series' latest value until then."""
MICROSECOND = timedelta(microseconds=1)

IGNORED = -1
REJECTED = -2


class Route:
    """What a topic means for its messages. Compared and hashed by identity.

    Attributes:
        rule: index into `Router.rules`, or `IGNORED`, or `REJECTED`.
        source_id: the source's row.
        device, metric: as the topic names them; None and "" where it does not.
        rejection: why, where `rule` is `REJECTED`.
    """

    __slots__ = ("device", "metric", "rejection", "rule", "source_id")

    def __init__(
        self,
        rule: int,
        source_id: int,
        device: str | None = None,
        metric: str = "",
        rejection: Rejection | None = None,
    ) -> None:
        self.rule = rule
        self.source_id = source_id
        self.device = device
        self.metric = metric
        self.rejection = rejection


class Rule(NamedTuple):
    """How the messages of one declared topic are decoded, and how far from their receive time their
    readings may lie, in µs."""

    decoder: Decoder
    oldest_us: int
    newest_us: int


class Router:
    """The rules of all sources, and the one of imports.

    Args:
        source_id: row of a source by its name, for the sources that imports name.

    Attributes:
        rules: of all sources, in order of declaration; the last one is that of imports.
    """

    def __init__(
        self, configuration: Configuration, decoders: Mapping[str, DecoderType], source_id: Callable[[str], int]
    ) -> None:
        self.rules = list[Rule]()
        self._sources: dict[str, _Topics] = {}
        for source in configuration.sources:
            router = SourceRouter(source, decoders)
            numbers = dict[int, int]()
            for index, rule in _rules(source, router).items():
                numbers[index] = len(self.rules)
                self.rules.append(rule)
            self._sources[source.name] = _Topics(router, numbers)
        self._imported = _Imported(len(self.rules), source_id)
        self.rules.append(Rule(ImportDecoder(), IMPORT_OLDEST // MICROSECOND, IMPORT_NEWEST // MICROSECOND))

    def imported(self, topics: Sequence[bytes]) -> list[Route]:
        """N routes of messages of an import: a topic names the source that the device is of."""
        return [self._imported.route(topic) for topic in topics]

    def routes(self, source: str, source_id: int, topics: Sequence[bytes]) -> list[Route]:
        """N routes of messages of one source."""
        known = self._sources.get(source)
        if known is None:
            why = Rejection(Reason.NO_ROUTE, f"the source {source} is not in the configuration")
            return [Route(REJECTED, source_id, rejection=why)] * len(topics)
        return known.routes(source_id, topics)


def _rules(source: Source, router: SourceRouter) -> dict[int, Rule]:
    """By the topic's place in the source."""
    oldest_us = source.time_window.oldest // MICROSECOND
    newest_us = source.time_window.newest // MICROSECOND
    return {
        index: Rule(router.decoder_for(index), oldest_us, newest_us)
        for index, topic in enumerate(source.topics)
        if not topic.ignore
    }


class _Imported:
    """Routes of what imports name, as far as they were seen. Who imports was asked whether those sources are theirs."""

    def __init__(self, rule: int, source_id: Callable[[str], int]) -> None:
        self._rule = rule
        self._source_id = source_id
        self._known: dict[bytes, Route] = {}

    def route(self, topic: bytes) -> Route:
        route = self._known.get(topic)
        if route is None:
            if len(self._known) > MAX_TOPICS:
                self._known.clear()
            route = self._known[topic] = self._route(topic.decode("utf-8", "backslashreplace"))
        return route

    def _route(self, source: str) -> Route:
        if not SOURCE_NAME.fullmatch(source):
            return Route(REJECTED, 0, rejection=Rejection(Reason.INVALID_TOPIC, "an import names no such source"))
        return Route(self._rule, self._source_id(source))


class _Topics:
    """Routes of one source's topics, as far as they were seen."""

    def __init__(self, router: SourceRouter, rule_numbers: Mapping[int, int]) -> None:
        self._router = router
        self._rule_numbers = rule_numbers
        self._known: dict[bytes, Route] = {}

    def routes(self, source_id: int, topics: Sequence[bytes]) -> list[Route]:
        if len(self._known) > MAX_TOPICS:
            self._known.clear()
        found = list(map(self._known.get, topics))
        if None not in found:
            return cast("list[Route]", found)
        return [route or self._learn(source_id, topic) for route, topic in zip(found, topics, strict=True)]

    def _learn(self, source_id: int, topic: bytes) -> Route:
        route = self._known.get(topic)
        if route is None:
            route = self._known[topic] = self._route(source_id, topic)
        return route

    def _route(self, source_id: int, topic: bytes) -> Route:
        found = self._router.route(topic)
        if isinstance(found, Rejection):
            return Route(REJECTED, source_id, rejection=found)
        if isinstance(found, Ignored):
            return Route(IGNORED, source_id)
        return Route(self._rule_numbers[found.rule_index], source_id, found.device, found.metric)
