"""What users read is held to the code: the examples parse, every key is described, `sens up` has a configuration."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from sens.decoders.registry import DECODERS
from sens.sources import Configuration, parse, simulator_configuration

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        yield from _inside(field.annotation)


def _inside(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from models(annotation)
    for part in get_args(annotation):
        yield from _inside(part)


def blocks() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_every_key_is_described() -> None:
    described = {
        f"{model.__name__}.{name}": field.description
        for model in models(Configuration)
        for name, field in model.model_fields.items()
    }
    assert len(described) > 40
    assert [name for name, description in described.items() if not (description or "").endswith(".")] == []


@pytest.mark.parametrize("number", range(2))
def test_the_examples_of_the_page_are_right(number: int) -> None:
    configuration = parse(blocks()[number], name="configuration.md", decoders=DECODERS)
    assert configuration.sources


def test_the_page_names_every_key() -> None:
    text = PAGE.read_text()
    keys = {name for model in models(Configuration) for name in model.model_fields} - {"options"}
    assert sorted(key for key in keys if f"`{key}`" not in text) == []


def test_the_simulator_is_read_from_its_own_broker() -> None:
    [source] = parse(simulator_configuration(18_830), name="sens.yaml", decoders=DECODERS).sources
    assert (source.name, source.host, source.port, source.mqtt_version) == ("simulator", "127.0.0.1", 18_830, 4)
    assert source.filters == (("sens/+/telemetry", 1),)
    assert source.topics[0].options.time.field == "ts"
