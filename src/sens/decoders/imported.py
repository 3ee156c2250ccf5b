"""Readings of an import: one JSON object each, as the API takes them. No format of `sens.yaml`: it has no options."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, cast

import msgspec

from sens.decoders.assembly import Value
from sens.decoders.json_values import PAYLOADS_PER_ARRAY, parse_payloads
from sens.decoders.options import DecoderOptions, show
from sens.decoders.rows import Row, RowAssembly
from sens.decoders.shapes import ShapeCache
from sens.decoders.times import time_parser
from sens.domain.columns import Decoded, Int64, Rejection
from sens.domain.errors import Reject
from sens.domain.reasons import Reason

MAX_TEXT_CHARS = 1_000_000
MAX_NAME_CHARS = 1_000
"""As far as a source may raise its limits: what was stored once can be imported again."""
MAX_DETAIL_CHARS = 300
KINDS: Final = ("number", "boolean", "text")
_OPTIONS = DecoderOptions.model_validate(
    {
        "max_payload_bytes": 8 * MAX_TEXT_CHARS,
        "max_text_chars": MAX_TEXT_CHARS,
        "max_name_chars": MAX_NAME_CHARS,
        "max_readings": 1,
    }
)
_iso_time = time_parser("iso8601", "time")
_us_time = time_parser("us", "time")


class Refusal(msgspec.Struct):
    """Why there is no reading in a row."""

    reason: Literal["missing_field", "invalid_time", "invalid_value", "invalid_shape"]
    detail: str


class _OfDevice(msgspec.Struct):
    device: str = ""


_decode_device = msgspec.json.Decoder(_OfDevice)


def named_device(payload: bytes) -> str:
    """The device that a reading names, also one that cannot be stored; "" where it names none."""
    try:
        return _decode_device.decode(payload).device
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


class ImportDecoder:
    """Decodes `{"device", "metric", "unit", "kind", "time", "value"}`; further keys are for people. A row that whoever
    read the file could make no reading of has `refused`, and all else as it stood there.

    `time` is ISO 8601, or an integer of µs since 1970. `kind` says what `value` has to be; left out, its type does.
    """

    def __init__(self) -> None:
        self._shapes = ShapeCache(_OPTIONS)

    def decode(self, payloads: Sequence[bytes], received_at: Int64) -> Decoded:
        """See `sens.domain.columns.Decoder`. Times are absolute: `received_at` is not looked at."""
        del received_at
        assembly = RowAssembly(_OPTIONS, self._shapes)
        for start in range(0, len(payloads), PAYLOADS_PER_ARRAY):
            some = payloads[start : start + PAYLOADS_PER_ARRAY]
            values, rejections = parse_payloads(some, _OPTIONS)
            following = iter(values)
            for message in range(len(some)):
                rejection = rejections.get(message) or _add(assembly, next(following))
                if rejection is not None:
                    assembly.reject(rejection)
        return assembly.finish()


def _add(assembly: RowAssembly, value: object) -> Rejection | None:
    """Add the reading; or say why it is none."""
    try:
        assembly.add([_row(value)])
    except Reject as error:
        return Rejection(error.reason, error.detail)
    return None


def _row(value: object) -> Row:
    if type(value) is not dict:
        raise Reject(Reason.INVALID_SHAPE, f"a reading is an object, not {show(value)}")
    reading = cast("dict[str, Any]", value)
    if "refused" in reading:
        raise _refusal(reading["refused"])
    return Row(
        _name(reading, "device"),
        _name(reading, "metric"),
        _text(reading, "unit", ""),
        _value(reading),
        _time(reading.get("time")),
    )


def _refusal(refused: object) -> Reject:
    """Why whoever read the file could make no reading of the row."""
    try:
        said = msgspec.convert(refused, Refusal)
    except msgspec.ValidationError as error:
        return Reject(Reason.INVALID_SHAPE, f"refused: {error}")
    return Reject(Reason(said.reason), show(said.detail, MAX_DETAIL_CHARS)[1:-1])


def _name(reading: Mapping[str, Any], key: str) -> str:
    name = _text(reading, key, "")
    if not name:
        raise Reject(Reason.MISSING_FIELD, f"{key} is missing")
    return name


def _text(reading: Mapping[str, Any], key: str, default: str) -> str:
    text = reading.get(key, default)
    if type(text) is not str:
        raise Reject(Reason.INVALID_VALUE, f"{key}: {show(text)} is no text")
    return text


def _time(time: object) -> int:
    if time is None:
        raise Reject(Reason.MISSING_FIELD, "time is missing")
    return _us_time(time) if type(time) is int else _iso_time(time)


def _value(reading: Mapping[str, Any]) -> Value:
    value: Any = reading.get("value")
    kind: object = reading.get("kind")
    found = value.__class__
    if value is None:
        raise Reject(Reason.MISSING_FIELD, "value is missing")
    if kind is None and found in (int, float, bool, str):
        return value
    if (kind == "text" and found is str) or (kind == "number" and found in (int, float)):
        return value
    if kind == "boolean" and found in (int, float, bool) and value in (0, 1):
        return bool(value)
    if kind is not None and kind not in KINDS:
        raise Reject(Reason.INVALID_VALUE, f"kind: {show(kind)} is none of {', '.join(KINDS)}")
    if kind == "number" and found is str and not _is_finite(value):
        raise Reject(Reason.NOT_FINITE, f"value: {show(value)} is not a finite number")
    raise Reject(Reason.INVALID_VALUE, f"value: {show(value)} is no {kind or 'number, boolean or text'}")


def _is_finite(text: str) -> bool:
    """Whether it is no number at all, or a finite one."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return True
