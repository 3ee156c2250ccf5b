"""`sens export`: readings of many series into a file."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sens.cli.client import Target, connect
from sens.cli.errors import WrongArgument
from sens.cli.output import note
from sens.cli.progress import progress
from sens.domain.errors import Fatal

FORMATS = {".csv": "csv", ".parquet": "parquet", ".arrow": "arrow", ".arrows": "arrow"}
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which readings; every filter narrows it. See `readings.Wanted`."""

    series: list[int]
    device: str | None
    metric: str | None
    source: str | None
    start: str
    end: str
    resolution: str
    time_zone: str


def run(target: Target, wanted: Wanted, path: Path, form: str | None, *, force: bool) -> int:
    """Write the file; one that cannot be ended does not take the name."""
    form = form or _format_of(path)
    if path.exists() and not force:
        raise WrongArgument(f"{path} exists: give another --output, or --force to write over it")
    parameters = {
        "id": wanted.series or None,
        "device": wanted.device,
        "metric": wanted.metric,
        "source": wanted.source,
        "from": wanted.start,
        "to": wanted.end,
        "resolution": wanted.resolution,
        "time_zone": wanted.time_zone,
        "format": form,
    }
    size = 0
    with (
        connect(target) as api,
        progress("Asking for readings") as shown,
        api.download("readings/export", parameters) as chunks,
        _written(path) as file,
    ):
        for chunk in chunks:
            file.write(chunk)
            size += len(chunk)
            shown.tell(f"{size / _MEGABYTE:.1f} MB")
    note(f"wrote {path}, {size:,} bytes")
    return 0


def _format_of(path: Path) -> str:
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise WrongArgument(f"which format is {path}? Let its name end in .csv, .parquet or .arrow, or give --format")
    return form


@contextmanager
def _written(path: Path) -> Generator[IO[bytes]]:
    """A file beside it that takes its name once all is written."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise Fatal(f"{path} cannot be written: {error.strerror}; give another --output") from error
    finally:
        part.unlink(missing_ok=True)
