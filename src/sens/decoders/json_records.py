"""Taking a JSON message apart: its records, and the time, device and metric that each of them names."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from sens.decoders.json_options import JsonOptions
from sens.decoders.options import show
from sens.decoders.times import parse_uniform_times, time_parser
from sens.domain.columns import NO_TIME, Int64
from sens.domain.errors import Reject
from sens.domain.reasons import Reason

Taker = Callable[[Any], Any]


class Record(NamedTuple):
    """A part of a message that is read like a message of its own.

    Attributes:
        metric: starts the names of its metrics; "" if the payload names none.
        root: its readings.
        time, device: as the payload bears them, its own or else the message's; None where there is none.
    """

    metric: str
    root: Any
    time: Any
    device: Any


class RecordReader:
    """Finds what the options say where to find. Fields are taken out, so that what is left are readings."""

    def __init__(self, options: JsonOptions) -> None:
        self._options = options
        self._parse_time = time_parser(options.time.format, options.time.field) if options.time else None
        self.has_time, self.has_device = options.time is not None, options.device is not None
        self.has_value, self.has_records = options.value is not None, options.records is not None
        self.take_time = _taker(options.time.field if options.time else None)
        self.take_device = _taker(options.device.field if options.device else None)
        self._take_metric = _taker(options.metric.field if options.metric else None)
        self._take_value = _taker(options.value.field if options.value else None)
        self._take_records = _taker(options.records)

    def take_times(self, values: list[Any]) -> list[Any]:
        """Each message's time as the payload bears it; None where there is none."""
        return _take_column(self._options.time.field if self._options.time else None, self.take_time, values)

    def take_devices(self, values: list[Any]) -> list[Any]:
        """Each message's device as the payload names it; None where it names none."""
        return _take_column(self._options.device.field if self._options.device else None, self.take_device, values)

    def time(self, raw: Any) -> int:
        """µs since 1970 UTC, or `NO_TIME`.

        Raises:
            Reject: MISSING_FIELD, INVALID_TIME.
        """
        if self._parse_time is None:
            return NO_TIME
        if raw is None:
            return self._missing_time()
        return self._parse_time(raw)

    def time_column(self, raw: list[Any]) -> Int64:
        """The same for many, where the options declare a time.

        Raises:
            Reject: the first of them that has none, or a bad one.
        """
        assert self._options.time is not None
        found = parse_uniform_times(raw, self._options.time.format)
        return np.array(list(map(self.time, raw)), np.int64) if found is None else found

    def _missing_time(self) -> int:
        declared = self._options.time
        if declared and declared.missing == "reject":
            raise Reject(Reason.MISSING_FIELD, f"time: {show(declared.field)} is missing or null")
        return NO_TIME

    def device(self, raw: Any) -> str:
        """The name of the device, which the options say the payload bears.

        Raises:
            Reject: MISSING_FIELD, INVALID_VALUE.
        """
        place = f"device: {show(self._options.device.field if self._options.device else '')}"
        return _name(raw, place) if type(raw) is not int else str(raw)

    def root(self, record: Any) -> tuple[str, Any]:
        """The metric that the record names, "" if none, and its readings.

        Raises:
            Reject: MISSING_FIELD, INVALID_VALUE.
        """
        if self._options.value is None:
            return "", record
        value = self._take_value(record)
        if value is None:
            raise Reject(Reason.MISSING_FIELD, f"value: {show(self._options.value.field)} is missing or null")
        if self._options.metric is None:
            return "", value
        return _name(self._take_metric(record), f"metric: {show(self._options.metric.field)}"), value

    def split(self, value: Any, time: Any, device: Any) -> Iterator[Record]:
        """The records of a message whose time and device have been taken out already.

        Raises:
            Reject: MISSING_FIELD, INVALID_VALUE, INVALID_SHAPE.
        """
        if not is_array_of_objects(value):
            yield from self._split_object(value, time, device)
            return
        for item in value:
            yield from self._split_object(item, self.take_time(item), self.take_device(item))

    def _split_object(self, value: Any, time: Any, device: Any) -> Iterator[Record]:
        inner = self._take_records(value)
        if self._options.records is None:
            yield Record(*self.root(value), time, device)
            return
        if inner != [] and not is_array_of_objects(inner):
            reason = Reason.MISSING_FIELD if inner is None else Reason.INVALID_SHAPE
            raise Reject(reason, f"records: {show(self._options.records)} is {show(inner)}, not an array of objects")
        if not self.has_value:
            yield Record("", value, time, device)
        for item in inner:
            own_time, own_device = self.take_time(item), self.take_device(item)
            yield Record(
                *self.root(item),
                time if own_time is None else own_time,
                device if own_device is None else own_device,
            )


def is_array_of_objects(value: Any) -> bool:
    """Whether the value is an array that holds something, and only objects."""
    kind = value.__class__
    return kind is list and set(map(type, value)) == {dict}


def _name(raw: Any, place: str) -> str:
    if raw is None:
        raise Reject(Reason.MISSING_FIELD, f"{place} is missing or null")
    if type(raw) is not str or not raw:
        raise Reject(Reason.INVALID_VALUE, f"{place}: {show(raw)} is no name")
    return raw


def _take_column(path: str | None, take: Taker, values: list[Any]) -> list[Any]:
    if path is None:
        return [None] * len(values)
    if "." not in path and set(map(type, values)) == {dict}:
        return [value.pop(path, None) for value in values]
    return list(map(take, values))


def _taker(path: str | None) -> Taker:
    """A function that takes the field at a path out of a record; it returns None where there is none."""
    if path is None:
        return lambda _: None
    *objects, last = path.split(".")

    def take(record: Any) -> Any:
        kind = record.__class__
        if kind is not dict:
            return None
        if path in record:
            return record.pop(path)
        for name in objects:
            record = record.get(name)
            kind = record.__class__
            if kind is not dict:
                return None
        return record.pop(last, None)

    return take
