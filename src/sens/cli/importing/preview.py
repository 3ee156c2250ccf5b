"""What an import would bring: the whole file is read as the platform reads it, and nothing is sent."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from sens.cli.output import note, print_json, print_line, print_table
from sens.cli.times import iso
from sens.decoders.imported import ImportDecoder
from sens.domain.columns import Decoded, Field, Rejection

SHOWN_READINGS = 10
SHOWN_PROBLEMS = 20


@dataclass(slots=True)
class Preview:
    """What is in a file.

    Attributes:
        first: the first readings.
        kinds: how many readings of each kind.
        reasons: how many cannot be stored, by reason; `problems` has the first ones, with where they stand.
        series: (source, device, metric, unit, kind).
        oldest, newest: times in µs; None: there is none.
        too_old: how many are older than the platform keeps.
    """

    readings: int = 0
    first: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    kinds: Counter[str] = field(default_factory=Counter[str])
    reasons: Counter[str] = field(default_factory=Counter[str])
    problems: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    series: set[tuple[str, Field]] = field(default_factory=set[tuple[str, Field]])
    oldest: int | None = None
    newest: int | None = None
    too_old: int = 0


def preview(readings: Iterator[Sequence[bytes]], oldest_kept: int | None) -> Preview:
    """Read all of it.

    Args:
        readings: as the API takes them.
        oldest_kept: µs; before it, the platform keeps none. None: no limit, or it is not known.
    """
    found, decoder = Preview(), ImportDecoder()
    for some in readings:
        decoded = decoder.decode(some, np.zeros(len(some), np.int64))
        _add_readings(found, some, decoded)
        _add_times(found, decoded, oldest_kept)
        for at, why in decoded.rejections.items():
            _add_problem(found, some[at], why)
    return found


def _add_readings(found: Preview, some: Sequence[bytes], decoded: Decoded) -> None:
    found.readings += len(some)
    shown = len(found.first)
    found.first += [msgspec.json.decode(each) for each in some[: max(SHOWN_READINGS - shown, 0)]]
    for reading, shape in zip(some, decoded.shapes, strict=True):
        for each in shape.fields:
            found.kinds[each.kind.name.lower()] += 1
            found.series.add((_Sourced.source_of(reading), each))


class _Sourced(msgspec.Struct):
    source: str

    @staticmethod
    def source_of(reading: bytes) -> str:
        return _decode_source(reading).source


_decode_source = msgspec.json.Decoder(_Sourced).decode


def _add_times(found: Preview, decoded: Decoded, oldest_kept: int | None) -> None:
    if decoded.times is None or not decoded.times.size:
        return
    low, high = int(decoded.times.min()), int(decoded.times.max())
    found.oldest = low if found.oldest is None else min(low, found.oldest)
    found.newest = high if found.newest is None else max(high, found.newest)
    if oldest_kept is not None:
        found.too_old += int((decoded.times < oldest_kept).sum())


def _add_problem(found: Preview, reading: bytes, why: Rejection) -> None:
    found.reasons[why.reason.value] += 1
    if len(found.problems) < SHOWN_PROBLEMS:
        told: dict[str, Any] = msgspec.json.decode(reading)
        place = {word: told[word] for word in ("line", "row") if word in told}
        found.problems.append(place | {"reason": why.reason.value, "detail": why.detail})


def as_json(found: Preview, mapping: dict[str, str], left_out: int) -> dict[str, Any]:
    """As `--json` prints it."""
    return {
        "mapping": mapping,
        "first": found.first,
        "readings": found.readings,
        "kinds": dict(found.kinds),
        "series": len(found.series),
        "from": None if found.oldest is None else iso(found.oldest),
        "to": None if found.newest is None else iso(found.newest),
        "left_out": left_out,
        "refused": dict(found.reasons),
        "problems": found.problems,
        "older_than_kept": found.too_old,
    }


def show(found: Preview, mapping: dict[str, str], left_out: int) -> None:
    """For a person."""
    print_table(["what", "where"], mapping.items())
    print_line("")
    columns = ("time", "source", "device", "metric", "unit", "kind", "value")
    rows = [[*(each.get(name) for name in columns[1:]), ""] for each in found.first]
    for row, each in zip(rows, found.first, strict=True):
        row.insert(0, iso(each["time"]) if "time" in each else None)
        row[-1] = each.get("refused", {}).get("detail", "")
    print_table([*columns, "refused"], rows)
    print_line("")
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(found.kinds.items())) or "none"
    print_line(f"{found.readings:,} readings of {len(found.series):,} series ({kinds}), nothing was sent")
    if found.oldest is not None and found.newest is not None:
        print_line(f"from {iso(found.oldest)} to {iso(found.newest)}")
    if left_out:
        print_line(f"{left_out:,} cells have no value and are left out")
    if found.too_old:
        note(f"{found.too_old:,} readings are older than retention.raw keeps: they would go to quarantine")
    if found.reasons:
        note(f"{sum(found.reasons.values()):,} cannot be stored and would go to quarantine, among them:")
        print_table(list(found.problems[0]), [list(each.values()) for each in found.problems])


def print_preview(found: Preview, mapping: dict[str, str], left_out: int, *, json: bool) -> None:
    """To standard output."""
    if json:
        print_json(as_json(found, mapping, left_out))
    else:
        show(found, mapping, left_out)
