"""Payload formats of the tests' own: what a configuration is checked with, without the real decoders."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict, Field

from sens.domain.columns import NOTHING, Decoded, DecoderType, Int64
from sens.sources import Configuration, Problem, examine, parse


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TimeOptions(Options):
    field: str = Field(description="Name of the field.")
    format: Literal["auto", "s", "ms"] = "auto"


class FieldReference(Options):
    field: str


class FieldOptions(Options):
    unit: str = ""
    scale: float = 1.0


class JsonOptions(Options):
    time: TimeOptions | None = None
    device: FieldReference | None = None
    fields: dict[str, FieldOptions | None] | list[str] | None = None

    @property
    def names_device(self) -> bool:
        return self.device is not None


class PlainOptions(Options):
    unit: str = ""

    @property
    def names_metric(self) -> bool:
        return False


class NothingDecoder:
    """Finds no reading in anything."""

    def __init__(self, options: Any) -> None:
        self.options = options

    def decode(self, payloads: Sequence[bytes], received_at: Int64) -> Decoded:
        return Decoded([NOTHING] * len(payloads), np.empty(0))


class FakeType:
    def __init__(self, name: str, options: type[BaseModel]) -> None:
        self.name = name
        self.options = options
        self.built = 0

    def build(self, options: Any) -> NothingDecoder:
        self.built += 1
        return NothingDecoder(options)


@pytest.fixture
def decoders() -> Mapping[str, DecoderType]:
    return {"json": FakeType("json", JsonOptions), "plain": FakeType("plain", PlainOptions)}


@pytest.fixture
def read(decoders: Mapping[str, DecoderType]) -> Callable[[str], Configuration]:
    """Parse a text that must be right."""
    return lambda text: parse(text, name="sens.yaml", decoders=decoders)


@pytest.fixture
def problems(decoders: Mapping[str, DecoderType]) -> Callable[[str], list[Problem]]:
    """What is wrong with a text."""
    return lambda text: examine(text, name="sens.yaml", decoders=decoders).problems


class OneSource(Protocol):
    def __call__(self, *lines: str, name: str = ..., broker: str = ..., topics: str = ...) -> str: ...


@pytest.fixture
def one_source() -> OneSource:
    """Writes a configuration: line 1 is `sources:`, 2 the name, 3 the broker; then come `lines`, then topics."""

    def write(
        *lines: str,
        name: str = "plant-a",
        broker: str = "mqtt://broker",
        topics: str = "[{topic: 'sens/{device}/telemetry', decoder: json}]",
    ) -> str:
        keys = [f"- name: {name}", f"  broker: {broker}", *(f"  {line}" for line in lines), f"  topics: {topics}"]
        return "\n".join(["sources:", *keys, ""])

    return write
