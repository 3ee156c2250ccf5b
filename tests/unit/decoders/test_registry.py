"""The registry: what a decoder must bring along."""

import numpy as np
import pytest
from pydantic import BaseModel

from sens.decoders.registry import DECODERS

NAMES = ["influx", "json", "plain", "senml"]


def models(model: type[BaseModel]) -> list[type[BaseModel]]:
    """The options model and all that it nests."""
    inner = [part for field in model.model_fields.values() for part in _classes(field.annotation)]
    return [model, *(found for part in inner for found in models(part))]


def _classes(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in getattr(annotation, "__args__", ()) for found in _classes(part)]


def test_all_decoders_are_registered_under_their_names():
    assert sorted(DECODERS) == NAMES
    assert all(name == decoder.name for name, decoder in DECODERS.items())


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_closed_and_described(name):
    for model in models(DECODERS[name].options):
        assert model.model_config.get("extra") == "forbid", model
        assert model.__doc__, model
        for option, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{option}"


@pytest.mark.parametrize("name", NAMES)
def test_no_option_is_required_and_an_empty_batch_is_decoded(name):
    decoder_type = DECODERS[name]
    decoded = decoder_type.build(decoder_type.options.model_validate({})).decode([], np.empty(0, np.int64))
    assert (decoded.shapes, decoded.values.size, decoded.rejections) == ([], 0, {})


@pytest.mark.parametrize("name", NAMES)
def test_no_payload_makes_a_batch_fail(name):
    payloads = [
        b"",
        b"\0",
        b"\xff\xfe",
        b"[" * 3000,
        b"{" * 3000,
        b"\x81" * 3000,
        b"9" * 6000,
        b'{"a":' * 2000,
        b"\\\0",
    ]
    decoder_type = DECODERS[name]
    decoder = decoder_type.build(decoder_type.options.model_validate({"max_text_chars": 100}))
    decoded = decoder.decode(payloads, np.zeros(len(payloads), np.int64))
    assert sorted(decoded.rejections) == list(range(len(payloads)))
