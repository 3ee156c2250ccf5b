"""Decoding as the tests look at it: message by message, reading by reading."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from sens.decoders.registry import DECODERS
from sens.domain.columns import NO_TIME, NOTHING, Decoded, Decoder, Kind, Rejection

RECEIVED_AT = 1_700_000_000_000_000


class Reading(NamedTuple):
    device: str | None
    metric: str
    unit: str
    value: float | bool | str
    time: int | None


def build(name: str, options: dict[str, Any]) -> Decoder:
    decoder_type = DECODERS[name]
    return decoder_type.build(decoder_type.options.model_validate(options))


def messages(decoded: Decoded) -> list[list[Reading] | Rejection]:
    """Each message's readings, or why it was rejected. Checks what the contract promises about the columns."""
    assert decoded.values.dtype == np.float64
    assert np.isfinite(decoded.values).all()
    assert sum(len(shape.fields) for shape in decoded.shapes) == decoded.values.size
    assert decoded.times is None or (decoded.times.dtype == np.int64 and decoded.times.size == decoded.values.size)
    result, at = list[list[Reading] | Rejection](), 0
    for message, shape in enumerate(decoded.shapes):
        if message in decoded.rejections:
            assert shape is NOTHING
            result.append(decoded.rejections[message])
            continue
        assert shape.fields
        readings = list[Reading]()
        for field in shape.fields:
            value: float | bool | str = float(decoded.values[at])
            assert (at in decoded.texts) == (field.kind == Kind.TEXT)
            if field.kind == Kind.TEXT:
                assert value == 0.0
                value = decoded.texts[at]
            elif field.kind == Kind.BOOLEAN:
                assert value in (0.0, 1.0)
                value = bool(value)
            time = NO_TIME if decoded.times is None else int(decoded.times[at])
            readings.append(Reading(field.device, field.metric, field.unit, value, None if time == NO_TIME else time))
            at += 1
        result.append(readings)
    assert len(decoded.texts) == sum(field.kind == Kind.TEXT for shape in decoded.shapes for field in shape.fields)
    return result


def decode(
    decoder: Decoder, payloads: Sequence[bytes], received_at: int = RECEIVED_AT
) -> list[list[Reading] | Rejection]:
    return messages(decoder.decode(payloads, np.full(len(payloads), received_at, np.int64)))


Decode = Callable[..., list[list[Reading] | Rejection]]


@pytest.fixture(scope="session")
def decode_all() -> Decode:
    """`decode_all(name, options, payloads)`: readings or rejection of each message."""

    def run(name: str, options: dict[str, Any], payloads: Sequence[bytes]) -> list[list[Reading] | Rejection]:
        return decode(build(name, options), payloads)

    return run


@pytest.fixture(scope="session")
def readings() -> Callable[..., list[tuple[Any, ...]]]:
    """`readings(name, options, payload)`: tuples (device, metric, unit, value, time); fails on a rejection."""

    def run(name: str, options: dict[str, Any], payload: bytes) -> list[tuple[Any, ...]]:
        result = decode(build(name, options), [payload])[0]
        assert not isinstance(result, Rejection), result
        return [tuple(reading) for reading in result]

    return run


@pytest.fixture(scope="session")
def rejection() -> Callable[..., Rejection]:
    """`rejection(name, options, payload)`: why the payload is rejected; fails if it is not."""

    def run(name: str, options: dict[str, Any], payload: bytes) -> Rejection:
        result = decode(build(name, options), [payload])[0]
        assert isinstance(result, Rejection), result
        assert result.detail
        assert "\0" not in result.detail
        assert len(result.detail) < 500
        return result

    return run


@pytest.fixture(scope="session")
def same_alone_and_together() -> Callable[..., None]:
    """`same_alone_and_together(name, options, payloads)`: a batch gives what its payloads give one by one."""

    def run(name: str, options: dict[str, Any], payloads: Sequence[bytes]) -> None:
        together = decode(build(name, options), payloads)
        # Each alone in a decoder of its own: what a decoder has seen before must make no difference either.
        assert together == [decode(build(name, options), [payload])[0] for payload in payloads]

    return run
