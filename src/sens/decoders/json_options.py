"""The options of the `json` decoder."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from sens.decoders.options import DecoderOptions, FieldPath, MetricName, Options, UnitName
from sens.decoders.times import TimeFormat
from sens.decoders.values import KindName


class TimeOptions(Options):
    """Where a message bears its time, and how it is written."""

    field: FieldPath = Field(description="Name of the field, dotted where it is nested: `ts`, `meta.time`.")
    format: TimeFormat = Field(
        "auto",
        description="`s`, `ms`, `us` or `ns` since 1970; `iso8601` (in either case; 24:00 ends the day; without a "
        "zone: UTC); `auto`: a text is ISO 8601, the unit of a number is found by its magnitude (years 1973 to 5138).",
    )
    missing: Literal["reject", "receive_time"] = Field(
        "reject",
        description="What becomes of a message without the field, or where it is null: quarantined as "
        "missing_field, or stored with its receive time.",
    )


class FieldReference(Options):
    """Where something stands in a message."""

    field: FieldPath = Field(description="Name of the field, dotted where it is nested.")


class FieldOptions(Options):
    """What to make of one field."""

    metric: MetricName | None = Field(None, description="Name of the metric; default: the field's own, dotted name.")
    unit: UnitName = Field("", description="Unit, best in UCUM: `Cel`, `%`, `kW.h`.")
    kind: KindName = Field(
        "auto",
        description="`number` also takes booleans and texts that are numbers; `boolean` also 0, 1 and the texts "
        "true, false, on, off, 1, 0; `text` everything; `auto` leaves the value as it is. What cannot be taken is "
        "quarantined as invalid_value.",
    )
    scale: float = Field(1.0, allow_inf_nan=False, description="A number is stored as value × scale + offset.")
    offset: float = Field(0.0, allow_inf_nan=False, description="Added to a number after scaling.")


_Fields = dict[FieldPath, FieldOptions | None] | list[FieldPath] | None


class JsonOptions(DecoderOptions):
    """Options of `json`: objects of numbers, booleans and texts.

    Nested objects become dotted metric names (`{"a": {"b": 1}}` is `a.b`), arrays numbered ones (`{"a": [1, 2]}` is
    `a.0` and `a.1`). null is skipped. A payload that is a single value is a reading whose metric the topic names, as
    is a field with an empty name. A payload that is an array of objects holds several records, each read like a
    message of its own. Of a key that an object holds twice the last counts.
    """

    time: TimeOptions | None = Field(None, description="Where a message bears its time; default: the receive time.")
    device: FieldReference | None = Field(
        None, description="The field that names the device (a text or an integer); default: the topic names it."
    )
    value: FieldReference | None = Field(
        None, description="The field that holds the reading, or an object of readings; all other fields are ignored."
    )
    metric: FieldReference | None = Field(
        None, description='The field that names the metric, as in `{"metric": "t", "value": 1}`; needs `value`.'
    )
    records: FieldPath | None = Field(
        None,
        description="The field that holds an array of objects, each read like a message of its own, with the time "
        "and device of the whole message where it has none. It may be empty. Other fields of the message are read as "
        "well.",
    )
    fields: _Fields = Field(
        None,
        description="Fields to keep, by dotted name: a list of names, or a mapping from name to what to make of "
        "it. Default: every number, boolean and text.",
    )
    other_fields: Literal["ignore", "keep"] = Field(
        "ignore", description="What becomes of fields that `fields` does not name; without `fields` all are kept."
    )
    text: bool = Field(True, description="Keep texts; false: skip those of fields not declared as another kind.")
    max_depth: int = Field(16, ge=1, le=100, description="How deep objects and arrays may be nested; deeper: too_deep.")

    @field_validator("fields")
    @classmethod
    def _one_metric_each(cls, fields: _Fields) -> _Fields:
        first = dict[str, str]()
        for name, options in fields.items() if isinstance(fields, dict) else ():
            metric = (options and options.metric) or name
            if metric in first:
                raise ValueError(f"'{first[metric]}' and '{name}' are both the metric '{metric}': rename one of them")
            first[metric] = name
        return fields

    @field_validator("metric")
    @classmethod
    def _metric_needs_value(cls, metric: FieldReference | None, info: ValidationInfo) -> FieldReference | None:
        if metric and info.data.get("value", ...) is None:
            raise ValueError(
                "metric names the field with a metric's name: declare value as well, for example value: {field: value}"
            )
        return metric

    @property
    def names_device(self) -> bool:
        """Whether payloads name the device."""
        return self.device is not None

    def field_options(self, name: str) -> FieldOptions | None:
        """What to make of a field; None: it is not kept."""
        if self.fields is None or (self.other_fields == "keep" and name not in self.fields):
            return _AS_IT_IS
        if isinstance(self.fields, list):
            return _AS_IT_IS if name in self.fields else None
        return (self.fields[name] or _AS_IT_IS) if name in self.fields else None


_AS_IT_IS = FieldOptions.model_validate({})
