"""A topic's rule by itself, to be tried before it is written into the configuration."""

import json
from collections.abc import Mapping
from typing import Any

from sens.domain.columns import DecoderType
from sens.sources.models import Configuration
from sens.sources.parsing import parse

_TEXT = """\
sources:
- name: "{source}"
  broker: mqtt://localhost
  topics:
{rule}
"""
PATH = "sources[0].topics[0]"
"""Where the rule stands in what `with_rule` reads: with this the paths of its problems begin."""


def with_rule(
    configuration: Configuration, source: str, rule: Mapping[str, Any] | str, decoders: Mapping[str, DecoderType]
) -> Configuration:
    """The configuration with this source alone, which has this rule alone.

    Args:
        source: its name; one that is not declared has the default limits.
        rule: as an entry of `topics` in `sens.yaml`; its value, or its lines.

    Raises:
        InvalidConfiguration: with every problem of the rule.
    """
    [tried] = parse(_TEXT.format(source=source, rule=_entry(rule)), name="rule", decoders=decoders).sources
    declared = configuration.source(source) or tried
    return configuration.model_copy(update={"sources": (declared.model_copy(update={"topics": tried.topics}),)})


def _entry(rule: Mapping[str, Any] | str) -> str:
    """The rule as an entry of a list in YAML, which takes JSON as it is."""
    text = rule if isinstance(rule, str) else json.dumps(dict(rule))
    lines = text.removeprefix("- ").splitlines() or ["{}"]
    indent = 2 if text.startswith("- ") else 0  # of the lines below the first, where that had its dash
    return "\n".join(["  - " + lines[0], *("    " + line[indent:] for line in lines[1:])])
