"""numpy arrays as PostgreSQL array parameters, in binary and without a Python object per element.

int32 → int[], int64 → bigint[], float64 → float8[], datetime64[us] (UTC) → timestamptz[], and V16
(16 raw bytes) → uuid[]. Registered for every connection that `connection.connect` opens.
"""

import struct
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg.abc import AdaptContext, Buffer, PyFormat
from psycopg.adapt import Dumper
from psycopg.pq import Format

# PostgreSQL counts µs from 2000.
POSTGRES_EPOCH = 946_684_800_000_000
TIME = np.dtype("datetime64[us]")
UUID = np.dtype("V16")
# dtype → (element oid, array oid, element as PostgreSQL has it)
_ELEMENTS: dict[np.dtype[Any], tuple[int, int, str]] = {
    np.dtype(np.int32): (23, 1007, ">i4"),
    np.dtype(np.int64): (20, 1016, ">i8"),
    np.dtype(np.float64): (701, 1022, ">f8"),
    TIME: (1184, 1185, ">i8"),
    UUID: (2950, 2951, "V16"),
}
# dimensions, has-nulls flag, element oid; then length and lower bound of the one dimension
_HEADER = struct.Struct(">iiIii")
_EMPTY = struct.Struct(">iiI")


def times(microseconds: NDArray[np.int64]) -> NDArray[np.datetime64]:
    """The timestamptz[] parameter to give for µs since 1970 UTC. Shares the memory."""
    return microseconds.view(TIME)


def uuids(ids: Iterable[bytes]) -> NDArray[np.void]:
    """The uuid[] parameter to give for ids of 16 bytes each."""
    return np.frombuffer(b"".join(ids), UUID)


class ArrayDumper(Dumper):
    """One-dimensional arrays of the dtypes above; any other dtype is an error of ours."""

    format = Format.BINARY

    def __init__(self, cls: type, context: AdaptContext | None = None, dtype: np.dtype[Any] | None = None) -> None:
        super().__init__(cls, context)
        if dtype is not None:
            self._element_oid, self.oid, self._element = _ELEMENTS[dtype]

    # psycopg names both parameters, and we need only one.
    def get_key(self, obj: NDArray[Any], format: PyFormat) -> tuple[type, ...]:  # noqa: ARG002
        return (self.cls, obj.dtype.type)

    def upgrade(self, obj: NDArray[Any], format: PyFormat) -> "ArrayDumper":  # noqa: ARG002
        return ArrayDumper(self.cls, None, obj.dtype)

    def dump(self, obj: NDArray[Any]) -> Buffer:
        if not len(obj):
            return _EMPTY.pack(0, 0, self._element_oid)
        elements = np.empty(len(obj), [("length", ">i4"), ("value", self._element)])
        elements["length"] = elements.dtype["value"].itemsize
        elements["value"] = obj.view(np.int64) - POSTGRES_EPOCH if obj.dtype == TIME else obj
        return _HEADER.pack(1, 0, self._element_oid, len(obj), 1) + elements.tobytes()
