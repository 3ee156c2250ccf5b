"""Which column of a file is what."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from sens.cli.errors import WrongArgument

ValueKind = Literal["auto", "number", "boolean", "text"]
VERSION = 1
"""Of what readings are made of the same file and mapping: they have to be the same for an import to go on."""
_SUMS = {"count", "min", "max", "mean"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options say: the name of a column, or `=TEXT` for all rows; None: find it.

    Attributes:
        kind: what all values have to be; None: as the columns `kind` or `text` say, else numbers, or as typed.
        wide: each column that is nothing else is a metric.
        metric_columns: these are metrics; as `wide`, but only they.
    """

    time: str | None = None
    source: str | None = None
    device: str | None = None
    metric: str | None = None
    unit: str | None = None
    value: str | None = None
    text: str | None = None
    kind: ValueKind | None = None
    wide: bool = False
    metric_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: in a column (its index), or it is the same in all rows."""

    column: int | None = None
    constant: str = ""

    def shown(self, columns: Sequence[str]) -> str:
        return f'"{self.constant}" in all rows' if self.column is None else f"column {columns[self.column]}"


@dataclass(frozen=True, slots=True)
class FileMapping:
    """Where each part of a reading stands.

    Attributes:
        metrics: of a wide file, column → metric; then `metric`, `value` and `text` are not looked at.
    """

    time: Place
    source: Place
    device: Place
    metric: Place
    unit: Place
    kind: Place | None
    value: Place
    text: Place | None
    metrics: Mapping[int, str]

    @property
    def used(self) -> list[tuple[str, Place]]:
        """By name, those that are looked at."""
        long = [("metric", self.metric), ("value", self.value), ("text", self.text)]
        always = [("time", self.time), ("source", self.source), ("device", self.device), ("unit", self.unit)]
        places = [*always, ("kind", self.kind), *([] if self.metrics else long)]
        return [(name, place) for name, place in places if place is not None]


def find_mapping(columns: Sequence[str], asked: Asked, own_source: str) -> FileMapping:
    """The columns that the options name; of the others those with the names of an export.

    Args:
        columns: of the file.
        asked: the options.
        own_source: of the import: whose the devices are where the file does not say.

    Raises:
        WrongArgument: something is missing, or an option names no column.
    """
    wide = asked.wide or bool(asked.metric_columns)
    if not wide and "value" not in columns and set(columns) >= _SUMS:
        raise WrongArgument("this is an export of sums, which are no readings: export with --resolution raw")
    finder = _Finder(columns)
    units = ("unit_sent", "unit")
    found = FileMapping(
        time=finder.need("time", asked.time, wide=wide),
        source=finder.find("devices-of", asked.source, ("source",)) or Place(constant=own_source),
        device=finder.need("device", asked.device, wide=wide),
        metric=Place() if wide else finder.need("metric", asked.metric, wide=wide),
        unit=finder.find("unit", asked.unit, () if wide else units) or Place(),
        kind=None if wide or asked.kind is not None else finder.find("kind", None, ("kind",)),
        value=Place() if wide else finder.need("value", asked.value, wide=wide),
        text=None if wide or asked.kind is not None else finder.find("text", asked.text, ("text",)),
        metrics={},
    )
    return found if not wide else _with_metrics(found, columns, asked, finder)


def _with_metrics(found: FileMapping, columns: Sequence[str], asked: Asked, finder: "_Finder") -> FileMapping:
    taken = {place.column for _, place in found.used} | {None}
    chosen = [finder.column("metric-columns", name) for name in asked.metric_columns]
    chosen = chosen or [at for at in range(len(columns)) if at not in taken]
    if not chosen:
        raise WrongArgument("no column is left that could be a metric: leave --wide out, or give --metric-columns")
    metrics = {at: columns[at] for at in chosen}
    for name in metrics.values():
        finder.column("metric-columns", name)
    return FileMapping(found.time, found.source, found.device, Place(), found.unit, found.kind, Place(), None, metrics)


class _Finder:
    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns

    def column(self, option: str, name: str) -> int:
        if name not in self._columns:
            raise WrongArgument(f"--{option} {name}: the file has no such column, but: {self._listed()}")
        if self._columns.count(name) > 1:
            raise WrongArgument(f"--{option} {name}: several columns of the file have this name")
        return self._columns.index(name)

    def find(self, option: str, given: str | None, usual: Sequence[str]) -> Place | None:
        if given is not None and given.startswith("="):
            return Place(constant=given[1:])
        name = given if given is not None else next((name for name in usual if name in self._columns), None)
        return None if name is None else Place(self.column(option, name))

    def need(self, name: str, given: str | None, *, wide: bool) -> Place:
        found = self.find(name, given, (name,))
        if found is not None:
            return found
        constant = "" if name in ("time", "value") else f", or --{name} =NAME for all rows"
        wide_too = "; or --wide, if each column is a metric" if name in ("metric", "value") and not wide else ""
        raise WrongArgument(
            f"which column is the {name}? Give --{name} COLUMN{constant}{wide_too}. The file has: {self._listed()}"
        )

    def _listed(self) -> str:
        return ", ".join(self._columns)


def identity(file_hash: str, mapping: FileMapping, reading: Mapping[str, object]) -> str:
    """Names the import: the same file, read in the same way, is the same import.

    Args:
        file_hash: of its content.
        mapping: of its columns.
        reading: all else that says how it is read.
    """
    parts = [VERSION, file_hash, asdict(mapping), dict(reading)]
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()
