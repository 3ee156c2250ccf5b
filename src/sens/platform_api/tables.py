"""Readings as Arrow tables: the rows of exports, the same in every format."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from arro3.core import Array, DataType, Field, RecordBatch, Schema

from sens.domain.columns import Float64, Kind
from sens.platform_api.ranges import Columns
from sens.storage.read_devices import Series
from sens.storage.read_readings import Aggregates, RawReadings, Resolution

_UTF8 = DataType.utf8()
_TIME = DataType.timestamp("us", tz="UTC")
_NAMES = (
    Field("time", _TIME, nullable=False),
    Field("series_id", DataType.int32(), nullable=False),
    Field("source", _UTF8, nullable=False),
    Field("device", _UTF8, nullable=False),
    Field("metric", _UTF8, nullable=False),
    Field("unit", _UTF8, nullable=False),
)
READINGS = Schema(
    [
        *_NAMES,
        Field("unit_sent", _UTF8, nullable=False),
        Field("kind", _UTF8, nullable=False),
        Field("value", DataType.float64()),
        Field("text", _UTF8),
    ]
)
"""A row is a reading: `value` or `text`, by the kind of its series. With what it takes to import it again: the unit may
be shown otherwise than it is sent, and a boolean is 0 or 1."""
BUCKETS = Schema(
    [
        *_NAMES,
        Field("count", DataType.int64(), nullable=False),
        *(Field(name, DataType.float64()) for name in ("min", "max", "mean", "first", "last")),
    ]
)
"""A row is a bucket that holds readings; `mean` is null where no float can hold their sum."""


def schema_of(resolution: Resolution) -> Schema:
    """The columns of an export at this resolution."""
    return READINGS if resolution is Resolution.RAW else BUCKETS


def table(series: Series, columns: Columns) -> RecordBatch:
    """N points of a series as N rows."""
    rows = len(columns.time)
    names = [
        Array.from_numpy(columns.time).cast(_TIME),
        Array.from_numpy(np.full(rows, series.id, np.int32)),
        *(_constant(text, rows) for text in (series.source, series.device, series.metric, series.unit)),
    ]
    if isinstance(columns, Aggregates):
        numbers = (columns.min, columns.max, _finite(columns.mean), columns.first, columns.last)
        arrays = [*names, Array.from_numpy(columns.count), *map(_numbers, numbers)]
        return _batch(arrays, BUCKETS)
    names += [_constant(series.unit_sent, rows), _constant(Kind(series.kind).name.lower(), rows)]
    if isinstance(columns, RawReadings):
        return _batch([*names, _numbers(columns.value), _nothing(_UTF8, rows)], READINGS)
    texts = Array(columns.text, _UTF8)
    return _batch([*names, _nothing(DataType.float64(), rows), texts], READINGS)


def _batch(arrays: Sequence[Array], schema: Schema) -> RecordBatch:
    return RecordBatch.from_arrays(arrays, schema=schema)  # pyright: ignore[reportUnknownMemberType]


def _constant(text: str, rows: int) -> Array:
    return Array([text] * rows, _UTF8)


def _nothing(type_: DataType, rows: int) -> Array:
    return Array([None] * rows, type_)


def _numbers(column: Float64 | Sequence[Any]) -> Array:
    return Array.from_numpy(column) if isinstance(column, np.ndarray) else Array(column, DataType.float64())


def _finite(column: Float64) -> Float64 | list[float | None]:
    finite = np.isfinite(column)
    if finite.all():
        return column
    return [value if ok else None for value, ok in zip(column.tolist(), finite.tolist(), strict=True)]
