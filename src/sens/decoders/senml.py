"""`senml`: Sensor Measurement Lists in JSON and CBOR.

Source: RFC 8428: section 4 (fields, base fields, times), section 5 (JSON), section 6 (CBOR).
"""

import base64
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import cbor2
from pydantic import Field

from sens.decoders.assembly import Value, to_float
from sens.decoders.json_values import parse_payload
from sens.decoders.options import DecoderOptions, show
from sens.decoders.rows import Row, RowAssembly
from sens.decoders.shapes import ShapeCache
from sens.decoders.times import number_to_us
from sens.domain.columns import NO_TIME, Decoded, Int64, Rejection
from sens.domain.errors import Reject
from sens.domain.reasons import Reason

_VERSION = 10
_VALUE_FIELDS = ("v", "vs", "vb", "vd")
_OWN_FIELDS = frozenset(("n", "u", "t", "s"))  # a record with none of these and no value holds base fields only
_RELATIVE_BELOW_S = 2**28
_SEPARATORS = "-:./_"  # what may stand between a device's and a measurement's name (section 4.5.1)
# Section 6, table 4.
_CBOR_LABELS = {-1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs", 0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb",
                5: "s", 6: "t", 7: "ut", 8: "vd"}  # fmt: skip
_DECIMAL_FRACTION_TAG = 4
_MAX_FRACTION_BITS = 1_100  # of a decimal fraction's integers: the largest float has 1,024
# SenML knows the tags of big integers and decimal fractions only. Others would let a sender compile patterns, build
# objects or raise numbers to powers; these are what cbor2 decodes by itself.
_REFUSED_TAGS = (0, 1, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000)
_CBOR_MAX_DEPTH = 8
_CBOR_ARRAYS = range(0x80, 0xA0)  # major type 4, of any length (RFC 8949, section 3.1)
_SELF_DESCRIBED_CBOR = b"\xd9\xd9\xf7"  # a tag that says only: this is CBOR (RFC 8949, section 3.4.6)
# Behind the payload, in one array with it: proves that the payload is exactly one item (see json_values).
_CBOR_END = b"\x1b" + (secrets.randbits(63) | 1 << 62).to_bytes(8, "big")


class SenmlOptions(DecoderOptions):
    """Options of `senml`: Sensor Measurement Lists (RFC 8428), JSON or CBOR.

    Base fields are resolved. A sum is the metric `<name>.sum`, its unit that of the value times seconds (`W.s`). Times
    below 2^28 are relative to the receive time, 0 is the receive time. Data values are stored as base64url text. A
    pack of a newer version, or with a field that must be understood (its name ends with `_`), is quarantined.
    """

    format: Literal["auto", "json", "cbor"] = Field(
        "auto", description="How the pack is written; `auto`: CBOR if it begins as a CBOR array or says so, else JSON."
    )
    device: Literal["base_name", "topic"] = Field(
        "base_name",
        description="`base_name`: where a base name (`bn`) is in force it names the device, without the separators at "
        "its end, and the name (`n`) the metric. `topic`: the topic names the device; the metric "
        "is base name and name together.",
    )
    text: bool = Field(True, description="Keep string and data values; false: skip them.")

    @property
    def names_device(self) -> bool:
        """Whether payloads may name the device."""
        return self.device == "base_name"


class _Base(NamedTuple):
    """The base fields in force."""

    name: str = ""
    time: float = 0
    unit: str = ""
    value: float | None = None
    sum: float | None = None


class SenmlDecoder:
    """Decodes SenML packs. Keeps the shapes it has seen, with a bound."""

    def __init__(self, options: SenmlOptions) -> None:
        self._options = options
        self._shapes = ShapeCache(options)

    def decode(self, payloads: Sequence[bytes], received_at: Int64) -> Decoded:
        """See `sens.domain.columns.Decoder`."""
        assembly = RowAssembly(self._options, self._shapes)
        for payload, received in zip(payloads, received_at.tolist(), strict=True):
            try:
                assembly.add(list(self._rows(self._parse(payload), received)))
            except Reject as error:
                assembly.reject(Rejection(error.reason, error.detail))
        return assembly.finish()

    def _parse(self, payload: bytes) -> Any:
        self._options.check_payload(payload)
        if self._options.format == "json" or (self._options.format == "auto" and not _begins_as_cbor(payload)):
            return parse_payload(payload, self._options)
        pack = _parse_cbor(payload)
        kind = pack.__class__
        return [_with_json_labels(record) for record in pack] if kind is list else pack

    def _rows(self, pack: Any, received_us: int) -> Iterator[Row]:
        kind = pack.__class__
        if kind is not list:
            raise Reject(Reason.INVALID_SHAPE, f"a pack is an array of records, not {show(pack)}")
        if len(pack) > self._options.max_readings:
            limit = self._options.max_readings
            raise Reject(Reason.TOO_MANY_READINGS, f"{len(pack)} records; max_readings is {limit}")
        base = _Base()
        for index, record in enumerate(pack):
            place = f"record {index}"
            kind = record.__class__
            if kind is not dict:
                raise Reject(Reason.INVALID_SHAPE, f"{place} is {show(record)}, not an object")
            _check_version(record, place)
            base = _Base(
                self._base_name(record, "bn", base.name, place),
                _number(record, "bt", base.time, place) or 0,
                self._base_name(record, "bu", base.unit, place),
                _number(record, "bv", base.value, place),
                _number(record, "bs", base.sum, place),
            )
            yield from self._readings(record, base, place, received_us)

    def _base_name(self, record: Mapping[object, Any], label: str, default: str, place: str) -> str:
        """A base name or unit in force: checked where it is given, or a long one would be copied by each record."""
        name = _text(record, label, default, place)
        if len(name) > self._options.max_name_chars:
            self._options.check_name(name)
        return name

    def _readings(self, record: Mapping[object, Any], base: _Base, place: str, received_us: int) -> Iterator[Row]:
        value = _value(record, base, place)
        has_own = value is not None or not _OWN_FIELDS.isdisjoint(record)
        own_sum = _number(record, "s", None, place)
        sum_ = own_sum if base.sum is None or not has_own else (own_sum or 0) + base.sum
        if value is None and sum_ is None and has_own:
            value = base.value
        device, metric = self._names(_text(record, "n", "", place), base.name)
        unit = _text(record, "u", base.unit, place)
        time = _time(base.time + (_number(record, "t", None, place) or 0), place, received_us)
        if value is not None and (self._options.text or not isinstance(value, str)):
            yield Row(device, metric, unit, value, time)
        if sum_ is not None:
            yield Row(device, f"{metric}.sum" if metric else "sum", f"{unit}.s" if unit else "s", sum_, time)

    def _names(self, name: str, base_name: str) -> tuple[str | None, str]:
        device = base_name.rstrip(_SEPARATORS)
        return (device, name) if self._options.device == "base_name" and device else (None, base_name + name)


def _begins_as_cbor(payload: bytes) -> bool:
    """Whether it begins as an array in CBOR, or says that it is CBOR. Neither byte begins a JSON text."""
    return payload[0] in _CBOR_ARRAYS or payload.startswith(_SELF_DESCRIBED_CBOR)


def _parse_cbor(payload: bytes) -> Any:
    try:
        items = cbor2.loads(
            b"\x82" + payload.removeprefix(_SELF_DESCRIBED_CBOR) + _CBOR_END,
            semantic_decoders=_TAGS,
            max_depth=_CBOR_MAX_DEPTH,
        )
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
        why = f" ({error.__cause__})" if isinstance(error.__cause__, ValueError) else ""
        raise Reject(Reason.INVALID_SYNTAX, f"CBOR: {error}{why}") from error
    if items[1] != int.from_bytes(_CBOR_END[1:], "big"):
        raise Reject(Reason.INVALID_SYNTAX, "CBOR: more than one item")
    return items[0]


def _with_json_labels(record: Any) -> Any:
    kind = record.__class__
    return {_CBOR_LABELS.get(label, label): value for label, value in record.items()} if kind is dict else record


def _refuse(*_: object) -> object:
    raise ValueError("a tag that SenML does not know")


def _decimal_fraction(parts: Any, _: object) -> float:
    """The nearest float. cbor2 would make a decimal number first, which takes the square of the integers' length."""
    exponent, mantissa = parts
    if not all(type(part) is int and part.bit_length() <= _MAX_FRACTION_BITS for part in (exponent, mantissa)):
        raise ValueError(f"a decimal fraction is two integers of at most {_MAX_FRACTION_BITS} bits")
    return float(f"{mantissa}e{exponent}")


_TAGS: dict[int, Callable[[Any, bool], Any]] = {
    **dict.fromkeys(_REFUSED_TAGS, _refuse),
    _DECIMAL_FRACTION_TAG: _decimal_fraction,
}


def _check_version(record: Mapping[object, Any], place: str) -> None:
    version = _number(record, "bver", None, place)
    if version is not None and version > _VERSION:
        raise Reject(Reason.INVALID_SHAPE, f"{place}: version {show(version)}; this decoder knows up to {_VERSION}")
    for label in record:
        if isinstance(label, str) and label.endswith("_"):
            raise Reject(Reason.INVALID_SHAPE, f"{place}: {show(label)} must be understood, and is not")


def _value(record: Mapping[object, Any], base: _Base, place: str) -> Value | None:
    given = [label for label in _VALUE_FIELDS if label in record]
    if len(given) > 1:
        raise Reject(Reason.INVALID_SHAPE, f"{place} has several values: {', '.join(given)}")
    if "v" in given:
        return (_number(record, "v", None, place) or 0) + (base.value or 0)
    if "vb" in given:
        if type(record["vb"]) is not bool:
            raise Reject(Reason.INVALID_VALUE, f"{place}, vb: {show(record['vb'])} is neither true nor false")
        return bool(record["vb"])
    if "vd" in given and isinstance(record["vd"], bytes):
        return base64.urlsafe_b64encode(record["vd"]).rstrip(b"=").decode()
    return _text(record, given[0], "", place) if given else None


def _text(record: Mapping[object, Any], label: str, default: str, place: str) -> str:
    value = record.get(label, default)
    if type(value) is not str:
        raise Reject(Reason.INVALID_VALUE, f"{place}, {label}: {show(value)} is no text")
    return value


def _number(record: Mapping[object, Any], label: str, default: float | None, place: str) -> float | None:
    if label not in record:
        return default
    value = record[label]
    if type(value) is float:
        return value
    if type(value) is int:
        return value if value.bit_length() < 64 else to_float(value)
    raise Reject(Reason.INVALID_VALUE, f"{place}, {label}: {show(value)} is no number")


def _time(time_s: float, place: str, received_us: int) -> int:
    if time_s == 0:
        return NO_TIME
    try:
        time_us = number_to_us(time_s, "s")
    except (ValueError, OverflowError) as error:
        raise Reject(Reason.INVALID_TIME, f"{place}: {show(time_s)} s is no time") from error
    return time_us if time_s >= _RELATIVE_BELOW_S else received_us + time_us
