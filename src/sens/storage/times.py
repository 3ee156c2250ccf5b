"""Times are int µs since 1970 UTC in the program and timestamptz in the database; here they meet."""

import struct
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

from sens.storage.arrays import POSTGRES_EPOCH

MICROSECONDS_PER_SECOND = 1_000_000
BUCKET = 600 * MICROSECONDS_PER_SECOND
"""Length of a rollup bucket in µs. Buckets are counted from 1970 UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TIME = struct.Struct(">q")


def timestamp(microseconds: int) -> datetime:
    """The parameter to give for a time.

    Raises:
        OverflowError: before the year 1 or after 9999.
    """
    return _EPOCH + microseconds * _MICROSECOND


def microseconds(time: datetime) -> int:
    """µs since 1970 UTC of what the driver returned."""
    return (time - _EPOCH) // _MICROSECOND


def bucket_start(time: int) -> int:
    """The start of the rollup bucket that `time` falls into."""
    return time - time % BUCKET


def time_bounds(times: NDArray[np.int64]) -> tuple[datetime, datetime]:
    """The first and the last of some times (int64[N], N > 0), as parameters."""
    return timestamp(int(times.min())), timestamp(int(times.max()))


class MicrosecondsLoader(Loader):
    """Reads a binary timestamptz as int µs since 1970 UTC."""

    format = Format.BINARY

    def load(self, data: Buffer) -> int:
        return _TIME.unpack(data)[0] + POSTGRES_EPOCH
