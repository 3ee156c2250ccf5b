"""Columns as binary COPY streams. Pure.

Source: PostgreSQL documentation, COPY, "Binary Format": per row a field count (int16), then per field
its length (int32) and its bytes, all big-endian; timestamptz is int64 µs since 2000 UTC.
"""

import struct
from collections.abc import Iterable

import numpy as np

from sens.domain.columns import Float64, Int32, Int64
from sens.storage.arrays import POSTGRES_EPOCH
from sens.storage.errors import DataRefused

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_FIELDS = {"series": ">i4", "time": ">i8", "value": ">f8", "n": ">i4"}
_TEXT_ROW = struct.Struct(">hiiiqi")
_STAGED_TEXT_ROW = struct.Struct(">hiiiiiqi")


def _row_type(*names: str) -> np.dtype[np.void]:
    parts: list[tuple[str, str]] = [("fields", ">i2")]
    for name in names:
        parts += [(f"{name}_bytes", ">i4"), (name, _FIELDS[name])]
    return np.dtype(parts)


_NUMBER = _row_type("series", "time", "value")
_STAGED_NUMBER = _row_type("n", "series", "time", "value")
_MARK = _row_type("series", "time")


def _stream(row_type: np.dtype[np.void], **columns: Float64 | Int32 | Int64) -> bytes:
    rows = np.empty(len(columns["series"]), row_type)
    rows["fields"] = len(columns)
    for name, column in columns.items():
        rows[f"{name}_bytes"] = row_type[name].itemsize
        rows[name] = column
    return b"".join((_HEADER, rows.tobytes(), _TRAILER))


def number_rows(series: Int32, time: Int64, value: Float64) -> bytes:
    """(series_id, time, value); `time` in µs since 1970 UTC."""
    return _stream(_NUMBER, series=series, time=time - POSTGRES_EPOCH, value=value)


def staged_number_rows(series: Int32, time: Int64, value: Float64) -> bytes:
    """(n, series_id, time, value), where n counts the rows from 0."""
    n = np.arange(len(series), dtype=np.int32)
    return _stream(_STAGED_NUMBER, n=n, series=series, time=time - POSTGRES_EPOCH, value=value)


def mark_rows(series: Int32, time: Int64) -> bytes:
    """(series_id, time)."""
    return _stream(_MARK, series=series, time=time - POSTGRES_EPOCH)


def text_rows(series: Int32, time: Int64, texts: Iterable[str]) -> bytes:
    """(series_id, time, text).

    Raises:
        DataRefused: a text holds half of a surrogate pair.
    """
    parts = [_HEADER]
    for id_, at, text in zip(series.tolist(), (time - POSTGRES_EPOCH).tolist(), texts, strict=True):
        data = _utf8(text)
        parts += (_TEXT_ROW.pack(3, 4, id_, 8, at, len(data)), data)
    return b"".join((*parts, _TRAILER))


def staged_text_rows(series: Int32, time: Int64, texts: Iterable[str]) -> bytes:
    """(n, series_id, time, text), where n counts the rows from 0.

    Raises:
        DataRefused: a text holds half of a surrogate pair.
    """
    parts = [_HEADER]
    rows = zip(series.tolist(), (time - POSTGRES_EPOCH).tolist(), texts, strict=True)
    for n, (id_, at, text) in enumerate(rows):
        data = _utf8(text)
        parts += (_STAGED_TEXT_ROW.pack(4, 4, n, 4, id_, 8, at, len(data)), data)
    return b"".join((*parts, _TRAILER))


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DataRefused("a text holds half of a surrogate pair") from error
