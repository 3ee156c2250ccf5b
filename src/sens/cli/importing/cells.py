"""Cells of a file as times and values."""

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from typing import Any, Final, NamedTuple, cast, get_args
from zoneinfo import ZoneInfo

from sens.cli.importing.mapping import ValueKind
from sens.decoders.times import TimeFormat, parse_uniform_times, time_parser
from sens.domain.errors import Reject
from sens.domain.reasons import Reason

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ZONED = re.compile(r".*[0-9][T ][0-9]{2}[^Z+-]*(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)", re.IGNORECASE)
_BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}


class Refused(NamedTuple):
    """Why a cell cannot be read."""

    reason: Reason
    detail: str


_MISSING = Refused(Reason.MISSING_FIELD, "time is missing")


class Times:
    """Reads cells as times.

    Args:
        time_format: `auto`, s, ms, us, ns, iso8601, or a pattern of strptime (it holds a `%`).
        zone: of times that bear none.
    """

    def __init__(self, time_format: str, zone: ZoneInfo) -> None:
        self._format: TimeFormat | None = None
        self._parse: Callable[[object], int] = lambda cell: self._wall(str(cell), time_format)
        if "%" not in time_format:
            self._format = cast("TimeFormat", time_format)
            self._parse = time_parser(self._format, "time")
        self._zone = None if zone.key == "UTC" else zone

    def read(self, cells: Sequence[object]) -> list[int | Refused]:
        """µs since 1970 UTC of each."""
        if self._format is not None:
            uniform = parse_uniform_times(cells, self._format) if cells else None
            if uniform is not None:  # numbers, or texts that all bear a zone
                return uniform.tolist()
        return [self._read(cell) for cell in cells]

    def read_utc(self, moments: Sequence[int | str | None]) -> list[int | Refused]:
        """Of µs since 1970 UTC, or texts that say why they are none."""
        return [moment if isinstance(moment, int) else _no_moment(moment) for moment in moments]

    def read_local(self, walls: Sequence[int | str | None]) -> list[int | Refused]:
        """Of µs by the zone's clock, or texts that say why they are none."""
        return [self._utc(wall) if isinstance(wall, int) else _no_moment(wall) for wall in walls]

    def _read(self, cell: object) -> int | Refused:
        if cell is None or cell == "":
            return _MISSING
        try:
            if isinstance(cell, Decimal):
                cell = f"{cell:f}"
            if isinstance(cell, str):
                cell = cell.strip()
                if self._format is None or not (_ZONED.fullmatch(cell) or _is_number(cell)):
                    return self._utc(self._parse(cell))
            return self._parse(cell)
        except Reject as error:
            return Refused(error.reason, error.detail)

    def _wall(self, cell: str, pattern: str) -> int:
        """By the zone's clock, also where the cell bears a zone of its own."""
        try:
            moment = datetime.strptime(cell, pattern)
        except (ValueError, OverflowError) as error:
            raise Reject(Reason.INVALID_TIME, str(error)) from error
        if moment.tzinfo is not None:
            moment = moment.astimezone(self._zone or UTC)
        return (moment.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND

    def _utc(self, wall: int) -> int | Refused:
        """Of a wall clock's time, given as if it were UTC. Of an hour that comes twice it is the first."""
        if self._zone is None:
            return wall
        try:
            local = (_EPOCH + wall * _MICROSECOND).replace(tzinfo=self._zone)
            utc = local.astimezone(UTC)
        except OverflowError:
            return Refused(Reason.INVALID_TIME, "beyond what a time can be")
        if utc.astimezone(self._zone).replace(tzinfo=None) != local.replace(tzinfo=None):
            return Refused(Reason.INVALID_TIME, f"{local:%Y-%m-%d %H:%M} does not come in {self._zone.key}")
        return (utc - _EPOCH) // _MICROSECOND


def _no_moment(why: str | None) -> Refused:
    return _MISSING if why is None else Refused(Reason.INVALID_TIME, f"time: {why}")


def _is_number(cell: str) -> bool:
    return cell.lstrip("+-").replace(".", "", 1).isdecimal()


TIME_FORMATS: Final = get_args(TimeFormat)


class Values:
    """Reads cells as values, and says of what kind each is.

    What is none of its kind stays the text that it is: the platform refuses it, and keeps it with the reason.

    Args:
        kind: of cells that stand beside none.
        decimal: the sign between whole and fraction.
    """

    def __init__(self, kind: ValueKind, decimal: str) -> None:
        self._kind: ValueKind = kind
        self._decimal = decimal

    def read(self, cells: Sequence[Any], kinds: Sequence[Any] | None = None) -> list[tuple[Any, str | None]]:
        """(value, kind) of each; the value None: the cell is empty, and there is no reading."""
        if kinds is not None and set(kinds) != {"number"}:
            return [self._read(cell, str(kind or self._kind)) for cell, kind in zip(cells, kinds, strict=True)]
        if kinds is not None or self._kind == "number":
            return self._numbers(cells)
        return [self._read(cell, self._kind) for cell in cells]

    def _numbers(self, cells: Sequence[Any]) -> list[tuple[Any, str | None]]:
        """All at once, where all are finite numbers and none is empty."""
        try:
            if self._decimal == "." and not any("_" in cell for cell in cells):
                numbers = list(map(float, cells))
                if math.isfinite(math.fsum(map(abs, numbers))):
                    return [(number, "number") for number in numbers]
        except (TypeError, ValueError, OverflowError):
            pass
        return [self._read(cell, "number") for cell in cells]

    def _read(self, cell: Any, kind: str) -> tuple[Any, str | None]:
        if cell is None or (cell == "" and kind != "text"):
            return None, kind
        if not isinstance(cell, str):
            return _typed(cell, kind)
        if kind == "number":
            return self._number(cell), kind
        if kind == "boolean":
            return _BOOLEANS.get(cell.lower(), cell), kind
        if kind != "auto":
            return cell, kind
        number = self._number(cell)
        if number is not cell:
            return number, "number"
        return (cell.lower() == "true", "boolean") if cell.lower() in ("true", "false") else (cell, "text")

    def _number(self, cell: str) -> float | str:
        """A finite number, else the cell."""
        # 1.234 would be one thousand and some to whom wrote it.
        foreign = self._decimal != "." and "." in cell
        text = cell.replace(self._decimal, ".")
        try:
            number = math.nan if "_" in text or foreign else float(text)
        except ValueError:
            return cell
        return number if math.isfinite(number) else cell


def _typed(cell: Any, kind: str) -> tuple[Any, str | None]:
    """Of a file that knows types."""
    if isinstance(cell, bool):
        found: str | None = "boolean"
    elif isinstance(cell, int | float | Decimal):
        found = "number"
        cell = float(cell) if math.isfinite(cell) else str(cell)
    elif isinstance(cell, str | date | clock):
        found, cell = "text", str(cell)
    else:  # lists and other things that no reading can be: refused as no number
        found, cell = "number", str(cell)
    return cell, found if kind == "auto" else kind
