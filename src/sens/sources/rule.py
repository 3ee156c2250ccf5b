"""A topic's rule by itself, to be tried before it is written into the configuration."""

import json
from collections.abc import Mapping
from typing import Any

from sens.domain.columns import DecoderType
from sens.sources.models import Configuration
from sens.sources.parsing import parse

_BROKER = "mqtt://localhost"  # nobody connects to it
PATH = "sources[0].topics[0]"
"""Where the rule stands in what `with_rule` reads: with this the paths of its problems begin."""


def with_rule(
    configuration: Configuration, source: str, rule: Mapping[str, Any], decoders: Mapping[str, DecoderType]
) -> Configuration:
    """The configuration with this source alone, which has this rule alone.

    Args:
        source: its name; one that is not declared has the default limits.
        rule: as an entry of `topics` in `sens.yaml`.

    Raises:
        InvalidConfiguration: with every problem of the rule.
    """
    content = {"sources": [{"name": source, "broker": _BROKER, "topics": [dict(rule)]}]}
    [tried] = parse(json.dumps(content), name="rule", decoders=decoders).sources
    declared = configuration.source(source) or tried
    return configuration.model_copy(update={"sources": (declared.model_copy(update={"topics": tried.topics}),)})
