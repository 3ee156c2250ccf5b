"""From a message's topic to the rule that reads it, the device and the metric. Pure.

Asked once for each distinct topic; whoever asks keeps the answers in a cache with a bound.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sens.domain.columns import Decoder, DecoderType, Rejection
from sens.domain.names import unusable_name
from sens.domain.reasons import IgnoreReason, Reason
from sens.domain.topics import Template
from sens.sources.models import Source, Topic

_SHOWN_CHARACTERS = 120


class Route(NamedTuple):
    """How to read a topic's messages.

    Attributes:
        rule_index: of the rule in the source's topics; messages of one rule are decoded together.
        device: the device that the topic or the rule names; None: each payload must.
        metric: the metric that the topic or the rule names; "" if neither does.
        rule: the topic's declaration.
    """

    rule_index: int
    device: str | None
    metric: str
    rule: Topic


class Ignored(NamedTuple):
    """The topic's messages are counted and not stored."""

    rule_index: int
    reason: IgnoreReason


class Router:
    """The rules of one source, with a decoder for each."""

    def __init__(self, source: Source, decoders: Mapping[str, DecoderType]) -> None:
        """Build the decoders once.

        Args:
            source: from a checked configuration.
            decoders: the same that it was checked with.
        """
        rules = [(index, topic, topic.template) for index, topic in enumerate(source.topics)]
        # Ignored topics first: they may lie within one that is read.
        self._rules: list[tuple[int, Topic, Template]] = sorted(rules, key=lambda rule: not rule[1].ignore)
        self._decoders: dict[int, Decoder] = {
            index: decoders[topic.decoder].build(topic.options)
            for index, topic in enumerate(source.topics)
            if topic.decoder is not None and not topic.ignore
        }

    def decoder_for(self, rule_index: int) -> Decoder:
        """The decoder of the rule at `rule_index`, as given by a `Route`."""
        return self._decoders[rule_index]

    def route(self, topic: bytes) -> Route | Ignored | Rejection:
        """What to do with messages of a topic, as it stands in the PUBLISH packet."""
        try:
            text = topic.decode()
        except UnicodeDecodeError as error:
            return Rejection(Reason.INVALID_TOPIC, f"not UTF-8 at byte {error.start} of {len(topic)}")
        for index, rule, template in self._rules:
            parts = template.match(text)
            if parts is not None:
                return Ignored(index, IgnoreReason.DECLARED) if rule.ignore else _named(index, rule, parts)
        return Rejection(Reason.NO_ROUTE, f"no declared topic matches {_shown(text)}")


def _named(index: int, rule: Topic, parts: Mapping[str, str]) -> Route | Rejection:
    for part, name in parts.items():
        if why := unusable_name(name):
            return Rejection(Reason.INVALID_TOPIC, f"the {part} {_shown(name)} {why}")
    return Route(index, parts.get("device", rule.device_name), parts.get("metric", rule.metric_name) or "", rule)


def _shown(text: str) -> str:
    """A topic for a detail: on one line, ASCII, cut."""
    return ascii(text[:_SHOWN_CHARACTERS]) + ("…" if len(text) > _SHOWN_CHARACTERS else "")
