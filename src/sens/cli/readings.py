"""`sens readings`: a range of one series, as a table, CSV or JSON."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from sens.cli.client import Api, Target, connect
from sens.cli.errors import WrongArgument
from sens.cli.output import note, print_csv, print_json, print_table
from sens.cli.progress import progress
from sens.cli.times import iso

Format = Literal["table", "csv", "json"]
Row = tuple[object, ...]

MAX_POINTS = 5_000
"""Most points of one page of the API."""
CHART_POINTS = 2_500
"""Fewer are never asked for: with `auto` a small page would make the API choose a coarser resolution."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which readings.

    Attributes:
        series_id: or None, then the names say which series it is.
        start, end: as the API takes them: RFC 3339, `now`, `now-1h`.
        resolution: `auto`, `raw`, `10s`, `1m`, `10m`, `1h`, `1d`.
        limit: most rows.
        time_zone: by whose clock hours and days begin.
    """

    series_id: int | None
    device: str | None
    metric: str | None
    source: str | None
    start: str
    end: str
    resolution: str
    limit: int
    time_zone: str


def run(target: Target, wanted: Wanted, form: Format) -> int:
    """Print the readings, oldest first."""
    with connect(target) as api, progress("Asking for readings") as shown:
        series = _series(api, wanted)
        pages = _Pages(api, series, wanted)
        rows = list[Row]()
        for page in pages:
            rows += page
            shown.tell(f"{len(rows)} readings")
    _print(pages, rows, form)
    if pages.next_from:
        note(f"there are more readings from {pages.next_from} on: ask for them with --limit, or with --from")
    return 0


class _Pages:
    """The pages of a range.

    Attributes:
        series: the series' JSON object.
        resolution: as answered, once a page has come.
        columns: headings of the rows, once a page has come.
        next_from: where more readings begin, None if there are none.
    """

    def __init__(self, api: Api, series: dict[str, Any], wanted: Wanted) -> None:
        self.series = series
        self.resolution = wanted.resolution
        self.columns: tuple[str, ...] = ()
        self.next_from: str | None = wanted.start
        self._api = api
        self._wanted = wanted

    def __iter__(self) -> Iterator[list[Row]]:
        left = self._wanted.limit
        while left > 0 and self.next_from:
            rows = self._read(min(max(left, CHART_POINTS), MAX_POINTS))
            if len(rows) > left:
                self.next_from = str(rows[left][0])
            yield rows[:left]
            left -= len(rows)

    def _read(self, limit: int) -> list[Row]:
        parameters = {
            "from": self.next_from,
            "to": self._wanted.end,
            "resolution": self.resolution,
            "limit": limit,
            "time_zone": self._wanted.time_zone,
        }
        page = self._api.get(f"series/{self.series['id']}/readings", parameters)
        self.resolution, self.next_from = page["resolution"], page["next_from"]
        columns = cast("dict[str, list[Any]]", page["columns"])
        columns["time_us"] = [iso(time) for time in columns["time_us"]]
        if self.series["kind"] == "boolean" and "value" in columns:
            columns["value"] = [bool(value) for value in columns["value"]]
        self.columns = tuple(_HEADINGS.get(name, name) for name in columns)
        return list(zip(*columns.values(), strict=True))


_HEADINGS = {"time_us": "time", "text": "value"}


def _series(api: Api, wanted: Wanted) -> dict[str, Any]:
    """The one series that is meant.

    Raises:
        WrongArgument: there is none, or several.
    """
    if wanted.series_id is not None:
        return api.get(f"series/{wanted.series_id}")
    names = {"device": wanted.device, "metric": wanted.metric, "source": wanted.source}
    if not wanted.device:
        raise WrongArgument(
            "which readings? Give the id of a series, or --device and --metric; see sens devices DEVICE"
        )
    found = list(api.pages("series", names, limit=20))
    if len(found) == 1:
        return found[0]
    given = ", ".join(f"{key} {value}" for key, value in names.items() if value)
    if not found:
        raise WrongArgument(
            f"there is no series of {given}: sens devices lists devices, sens devices DEVICE its series"
        )
    raise WrongArgument(f"there are several series of {given}: give the id of one: {', '.join(map(_named, found))}")


def _named(series: dict[str, Any]) -> str:
    unit = f" in {series['unit']}" if series["unit"] else ""
    return f"{series['id']} ({series['source']}, {series['metric']}, {series['kind']}{unit})"


def _print(pages: _Pages, rows: Sequence[Row], form: Format) -> None:
    if form == "json":
        readings = [dict(zip(pages.columns, row, strict=True)) for row in rows]
        print_json({"series": pages.series, "resolution": pages.resolution, "readings": readings})
    elif form == "csv":
        print_csv(_headed(pages, rows))
    else:
        print_table(pages.columns, rows)


def _headed(pages: _Pages, rows: Iterable[Row]) -> Iterator[Row]:
    yield pages.columns
    yield from rows
