"""The JSON schema of the configuration, by which the chart refuses: it says of a text what `sens check` says."""

from typing import Any

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from sens.sources.values import (
    BrokerUrl,
    ClientId,
    ConstantName,
    Duration,
    DurationOrForever,
    Group,
    Name,
    TemplateText,
)

PIECES = [
    "a",
    "B",
    "/",
    "+",
    "#",
    "{device}",
    "{metric}",
    "{metric...}",
    "{other}",
    "{",
    "$share/",
    "$",
    " ",
    "\t",
    "é",
]
URLS = ["mqtt", "MQTTS", "ftp", "://", "host", "[::1]", ":", "1883", "123456", "/", "user@", "?", " "]


def _agree(kind: Any, text: str) -> None:
    """The schema and the model say the same of a text."""
    adapter = TypeAdapter[Any](kind)
    try:
        adapter.validate_python(text)
        taken = True
    except ValidationError:
        taken = False
    assert jsonschema.Draft7Validator(adapter.json_schema()).is_valid(text) == taken, text


@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
@example("{device}/a/{device}")
@example("$share/g/a")
def test_topics(text: str) -> None:
    _agree(TemplateText, text)


@given(st.lists(st.sampled_from(URLS), max_size=6).map("".join))
@example("mqtt://broker.example.org:1883/")
def test_brokers_but_for_a_port_that_is_too_large(text: str) -> None:
    _agree(BrokerUrl, text)


@pytest.mark.parametrize("kind", [Name, ClientId, Group, ConstantName])
@pytest.mark.parametrize("text", ["a", "a-b.c:d_e", "A b", "", "ä", "a\tb", "x" * 63, "x" * 200, "x" * 256])
def test_names(kind: Any, text: str) -> None:
    _agree(kind, text)


@pytest.mark.parametrize("kind", [Duration, DurationOrForever])
@pytest.mark.parametrize("text", ["90d", " 12 h ", "30min", "forever", "1", "1.5h", "1m", "", "never"])
def test_durations(kind: Any, text: str) -> None:
    _agree(kind, text)
