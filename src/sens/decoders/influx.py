"""`influx`: InfluxDB line protocol, as Telegraf and many gateways send it.

Source: InfluxDB's line protocol reference: `measurement,tag=value field=value,field=value timestamp`, a line each.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from pydantic import Field

from sens.decoders.assembly import Value
from sens.decoders.caches import BoundedCache
from sens.decoders.options import DecoderOptions, Texts, show
from sens.decoders.rows import Row, RowAssembly
from sens.decoders.shapes import ShapeCache
from sens.decoders.times import number_to_us
from sens.decoders.values import parse_number
from sens.domain.columns import NO_TIME, Decoded, Int64, Rejection
from sens.domain.errors import Reject
from sens.domain.reasons import Reason

# Each alternative starts with another character and nothing is given back (`++`), so no text makes these slow. A
# backslash takes the next character with it whatever that is; _ESCAPED_… say which of the two stay.
_MEASUREMENT = r"(?:[^, \n\\]|\\[^\n])++"
_KEY = r"(?:[^,= \n\\]|\\[^\n])++"
_HEAD = re.compile(rf"{_MEASUREMENT}(?:,{_KEY}={_KEY})*+")
_MEASUREMENT_ONLY = re.compile(_MEASUREMENT)
_TAG = re.compile(rf",({_KEY})=({_KEY})")
_FIELD = re.compile(rf'({_KEY})=("(?:[^"\\]|\\[\s\S])*+"|[^,\s"]++)')
_TIMESTAMP = re.compile(r" +(-?[0-9]{1,19})")
_LINE_END = re.compile(r"[ \t\r]*+(?:\n|\Z)")
_SPACES = re.compile(r" +")
_BLANK = re.compile(r"\s*+(?:#[^\n]*+\s*+)*+")
_INTEGER = re.compile(r"-?[0-9]{1,20}[iu]")
_ESCAPED_NAME = re.compile(r"\\([,= ])")
_ESCAPED_TEXT = re.compile(r'\\(["\\])')
_BOOLEANS = dict.fromkeys(("t", "T", "true", "True", "TRUE"), True) | dict.fromkeys(
    ("f", "F", "false", "False", "FALSE"), False
)
_BYTES_PER_HEAD = 300


class InfluxOptions(DecoderOptions):
    """Options of `influx`: InfluxDB line protocol, one or more lines in a message.

    A message whose lines are not all well-formed is quarantined as a whole. Integers (`1i`, `1u`) are stored as 64-bit
    floats, strings as texts.
    """

    precision: Literal["ns", "us", "ms", "s"] = Field(
        "ns", description="Unit of the timestamps. A line without one is stored with the receive time."
    )
    metric: Literal["measurement.field", "field"] = Field(
        "measurement.field", description="What a metric is named after: measurement and field, or the field alone."
    )
    device_tag: str | None = Field(
        None,
        min_length=1,
        description="The tag that names the device, for example host; a line without it is quarantined "
        "as missing_field. Default: the topic names the device.",
    )
    tags: Literal["join", "ignore"] | Texts = Field(
        "join",
        description="Other tags: `join` puts each as `tag=value` into the metric's name, in alphabetical order, so "
        "that lines which differ in a tag stay different series (`cpu.cpu=cpu0.usage_idle`); a list "
        "joins only those; `ignore` drops them, and lines that differ in nothing else then conflict.",
    )
    text: bool = Field(True, description="Keep string fields; false: skip them.")

    @property
    def names_device(self) -> bool:
        """Whether payloads name the device."""
        return self.device_tag is not None


class _Head(NamedTuple):
    """What stands before the fields of a line: the device that it names, and what starts its metrics' names."""

    device: str | None
    prefix: str


class InfluxDecoder:
    """Decodes line protocol. Keeps the heads of lines and the shapes it has seen, with a bound."""

    def __init__(self, options: InfluxOptions) -> None:
        self._options = options
        self._shapes = ShapeCache(options)
        self._heads: BoundedCache[str, _Head] = BoundedCache()

    def decode(self, payloads: Sequence[bytes], received_at: Int64) -> Decoded:
        """See `sens.domain.columns.Decoder`. Timestamps are absolute: `received_at` is not looked at."""
        del received_at
        assembly = RowAssembly(self._options, self._shapes)
        for payload in payloads:
            try:
                assembly.add(list(self._rows(payload)))
            except Reject as error:
                assembly.reject(Rejection(error.reason, error.detail))
        return assembly.finish()

    def _rows(self, payload: bytes) -> Iterator[Row]:
        self._options.check_payload(payload)
        try:
            text = payload.decode()
        except UnicodeDecodeError as error:
            raise Reject(Reason.INVALID_SYNTAX, f"not UTF-8 at byte {error.start}") from error
        at = _skip(_BLANK, text, 0)
        while at < len(text):
            head = _expect(_HEAD, text, at, "a measurement and its tags")
            fields, time, at = self._line(text, _expect(_SPACES, text, head.end(), "a space before the fields").end())
            device, prefix = self._heads.get(head[0]) or self._read_head(head[0])
            if len(prefix) > self._options.max_name_chars:  # or it would be written out for each field
                self._options.check_name(prefix)
            for name, value in fields:
                yield Row(device, prefix + _unescape(name), "", value, time)

    def _line(self, text: str, at: int) -> tuple[list[tuple[str, Value]], int, int]:
        """The fields and the time of a line whose fields start at `at`, and where the next line starts."""
        fields = list[tuple[str, Value]]()
        while True:
            field = _expect(_FIELD, text, at, "field=value")
            name, raw = field.groups()
            value = _value(name, raw)
            if self._options.text or not isinstance(value, str):
                fields.append((name, value))
            at = field.end()
            if not text.startswith(",", at):
                break
            at += 1
        time, stamp = NO_TIME, _TIMESTAMP.match(text, at)
        if stamp:
            at = stamp.end()
            time = self._time(stamp[1])
        at = _expect(_LINE_END, text, at, "a timestamp or the end of the line").end()
        return fields, time, _skip(_BLANK, text, at)

    def _time(self, digits: str) -> int:
        try:
            return number_to_us(int(digits), self._options.precision)
        except ValueError as error:
            precision = self._options.precision
            raise Reject(Reason.INVALID_TIME, f"timestamp {digits} with precision {precision}") from error

    def _read_head(self, text: str) -> _Head:
        measurement = _expect(_MEASUREMENT_ONLY, text, 0, "a measurement")
        tags = {_unescape(name): _unescape(value) for name, value in _TAG.findall(text, measurement.end())}
        device = tags.pop(self._options.device_tag, None) if self._options.device_tag else None
        if self._options.device_tag and device is None:
            raise Reject(Reason.MISSING_FIELD, f"device_tag: the line has no tag {show(self._options.device_tag)}")
        join = self._options.tags
        names = [] if self._options.metric == "field" else [_unescape(measurement[0])]
        names += [
            f"{tag}={value}"
            for tag, value in sorted(tags.items())
            if join == "join" or (join != "ignore" and tag in join)
        ]
        head = _Head(device, "".join(f"{name}." for name in names))
        return self._heads.put(text, head, _BYTES_PER_HEAD + 2 * len(text))


def _skip(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _expect(pattern: re.Pattern[str], text: str, at: int, what: str) -> re.Match[str]:
    found = pattern.match(text, at)
    if found is None:
        raise Reject(Reason.INVALID_SYNTAX, f"expected {what} at character {at}: {show(text[at : at + 40])}")
    return found


def _unescape(name: str) -> str:
    return _ESCAPED_NAME.sub(r"\1", name) if "\\" in name else name


def _value(name: str, raw: str) -> Value:
    if raw[0] == '"':
        return _ESCAPED_TEXT.sub(r"\1", raw[1:-1]) if "\\" in raw else raw[1:-1]
    number = parse_number(raw, show(name))
    if number is not None:
        return number
    if raw in _BOOLEANS:
        return _BOOLEANS[raw]
    if not _INTEGER.fullmatch(raw):
        raise Reject(Reason.INVALID_SYNTAX, f"{show(name)}: {show(raw)} is no number, boolean or quoted string")
    integer = int(raw[:-1])
    low, high = (-(2**63), 2**63) if raw[-1] == "i" else (0, 2**64)
    if not low <= integer < high:
        raise Reject(Reason.INVALID_VALUE, f"{show(name)}: {raw} is beyond 64 bits")
    return integer
