"""`json`: objects of numbers, booleans and texts, nested as deep as one likes (see `JsonOptions`).

Most messages are flat objects of numbers in few forms. They take the *uniform* way: a few calls in C for each
column instead of statements for each message. What does not fit takes the *mixed* way, message by message, with a plan
that is made once per form. Both give the same result.
"""

import operator
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, cast

import numpy as np

from sens.decoders.assembly import Assembly, Value, concatenate, float_column, reject_not_finite
from sens.decoders.caches import BoundedCache
from sens.decoders.json_options import JsonOptions
from sens.decoders.json_plans import Plan, Plans
from sens.decoders.json_records import Record, RecordReader, is_array_of_objects
from sens.decoders.json_values import PAYLOADS_PER_ARRAY, parse_payloads
from sens.decoders.rejecting import insert_rejected
from sens.domain.columns import NOTHING, Decoded, Int64, Rejection, Shape
from sens.domain.errors import Reject
from sens.domain.reasons import Reason

_VALUES_OF: Callable[[dict[str, Any]], Iterable[Any]] = operator.methodcaller("values")
_NUMBERS = frozenset((int, float))
_DEVICES = frozenset((int, str))
_BYTES_PER_NAME = 100


class JsonDecoder:
    """Decodes JSON payloads. Keeps plans and shapes of the forms it has seen, with a bound."""

    def __init__(self, options: JsonOptions) -> None:
        self._options = options
        self._plans = Plans(options)
        self._reader = RecordReader(options)
        self._forms: BoundedCache[tuple[object, ...], Shape] = BoundedCache()

    def decode(self, payloads: Sequence[bytes], received_at: Int64) -> Decoded:
        """See `sens.domain.columns.Decoder`. JSON times are absolute: `received_at` is not looked at."""
        del received_at
        parts = range(0, len(payloads), PAYLOADS_PER_ARRAY)
        return concatenate([self._decode_part(payloads[at : at + PAYLOADS_PER_ARRAY]) for at in parts])

    def _decode_part(self, payloads: Sequence[bytes]) -> Decoded:
        values, rejections = parse_payloads(payloads, self._options)
        times, devices = self._reader.take_times(values), self._reader.take_devices(values)
        decoded = self._uniform(values, times, devices) or self._mixed(values, times, devices)
        return insert_rejected(decoded, rejections)

    def _uniform(self, values: list[Any], times: list[Any], devices: list[Any]) -> Decoded | None:
        """The columns when every message is a flat object of numbers that are kept as they are; else None."""
        if self._reader.has_value or self._reader.has_records or set(map(type, values)) != {dict}:
            return None
        flat = list(chain.from_iterable(map(_VALUES_OF, values)))
        if not _NUMBERS.issuperset(map(type, flat)):  # np.array would take "12", None and True for numbers
            return None
        shapes = self._uniform_shapes(values, devices)
        if shapes is None:
            return None
        column = None
        if self._reader.has_time:
            try:
                column = np.repeat(self._reader.time_column(times), list(map(len, values)))
            except Reject:
                return None
        return reject_not_finite(Decoded(shapes, float_column(flat), column))

    def _uniform_shapes(self, values: list[dict[str, Any]], devices: list[Any]) -> list[Shape] | None:
        if not self._reader.has_device:
            keys: Iterable[tuple[object, ...]] = list(map(tuple, values))
        elif _DEVICES.issuperset(map(type, devices)):
            keys = [(device, *value) for device, value in zip(devices, values, strict=True)]
        else:
            return None
        known = list(map(self._forms.get, keys))
        if None in known:
            for at, key in enumerate(keys):
                known[at] = self._forms.get(key) or self._form(key, values[at], devices[at])
        shapes = cast("list[Shape]", known)
        return None if NOTHING in shapes else shapes

    def _form(self, key: tuple[object, ...], value: dict[str, Any], device: Any) -> Shape:
        """The shape of all flat objects of numbers that share a key; `NOTHING` if they take the mixed way."""
        try:
            plan, _ = self._plans.plan("", value)
            shape = self._shape(plan, device)
        except Reject:
            return NOTHING
        return self._forms.put(key, shape if plan.as_it_is else NOTHING, _BYTES_PER_NAME * len(key))

    def _mixed(self, values: list[Any], times: list[Any], devices: list[Any]) -> Decoded:
        assembly, has_records = Assembly(self._options), self._reader.has_records
        for value, time, device in zip(values, times, devices, strict=True):
            try:
                if has_records or (type(value) is list and is_array_of_objects(value)):
                    self._add_records(assembly, self._reader.split(value, time, device))
                else:
                    self._add(assembly, value, time, device)
            except Reject as error:
                assembly.reject(Rejection(error.reason, error.detail))
        return assembly.finish()

    def _add(self, assembly: Assembly, value: Any, time: Any, device: Any) -> None:
        reader = self._reader
        plan, leaves = self._plans.plan(*reader.root(value)) if reader.has_value else self._plans.plan("", value)
        shape = plan.shape if not reader.has_device else self._shape(plan, device)
        if shape is NOTHING:
            raise Reject(Reason.NO_READINGS, "the message holds no number, boolean or text that the options keep")
        times = [reader.time(time)] * len(shape.fields) if reader.has_time else ()
        assembly.append(shape, leaves if plan.as_it_is else plan.values(leaves), times)

    def _add_records(self, assembly: Assembly, records: Iterable[Record]) -> None:
        shapes, values, times = list[Shape](), list[Value](), list[int]()
        for record in records:
            plan, leaves = self._plans.plan(record.metric, record.root)
            shape = self._shape(plan, record.device)
            if shape is NOTHING:
                continue
            if self._reader.has_time:
                times += [self._reader.time(record.time)] * len(shape.fields)
            values += plan.values(leaves)
            shapes.append(shape)
            if len(values) > self._options.max_readings:
                raise Reject(Reason.TOO_MANY_READINGS, f"more than max_readings, {self._options.max_readings}")
        assembly.append(self._plans.combined(shapes), values, times)

    def _shape(self, plan: Plan, device: Any) -> Shape:
        if not self._reader.has_device or plan.shape is NOTHING:
            return plan.shape
        return self._plans.shape(plan, self._reader.device(device))
