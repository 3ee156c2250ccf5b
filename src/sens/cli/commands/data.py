"""Commands that ask the API about readings and messages."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sens.cli.errors import WrongArgument
from sens.cli.options import (
    DEFAULT_LIMIT,
    DEFAULT_URL,
    AsJson,
    FromTime,
    KeyFile,
    Limit,
    Overwrite,
    SourceFilter,
    ToTime,
    Url,
)

Resolution = Literal["auto", "raw", "10s", "1m", "10m", "1h", "1d"]
app = typer.Typer()


@app.command()
def tail(
    device: Annotated[str | None, typer.Option(metavar="NAME", help="Only this device.")] = None,
    metric: Annotated[str | None, typer.Option(metavar="NAME", help="Only this metric.")] = None,
    source: SourceFilter = None,
    count: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Stop after so many readings; left out: go on until Ctrl-C.")
    ] = None,
    url: Url = DEFAULT_URL,
    api_key_file: KeyFile = None,
    as_json: AsJson = False,
) -> int:
    """Print readings as they arrive.

    Of each series the newest reading of every stored batch is shown: at high rates not each single one; `sens readings`
    has them all. A connection that breaks is made again.
    """
    from sens.cli.client import Target
    from sens.cli.tail import run

    which = {"device": device, "metric": metric, "source": source}
    return run(Target(url, api_key_file), which, count=count, as_json=as_json)


@app.command()
def ledger(url: Url = DEFAULT_URL, api_key_file: KeyFile = None, as_json: AsJson = False) -> int:
    """Print what became of every message.

    By source and in total: messages received = decoded + ignored + quarantined + pending + lost, and readings =
    stored + duplicate + conflict.
    """
    from sens.cli.client import Target
    from sens.cli.ledger import run

    return run(Target(url, api_key_file), as_json=as_json)


@app.command()
def devices(
    device: Annotated[
        str | None,
        typer.Argument(metavar="DEVICE", help="Print the newest reading of each series of this device instead."),
    ] = None,
    prefix: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only devices whose name starts with this.")
    ] = None,
    source: SourceFilter = None,
    limit: Limit = DEFAULT_LIMIT,
    url: Url = DEFAULT_URL,
    api_key_file: KeyFile = None,
    as_json: AsJson = False,
) -> int:
    """Print devices, or what one of them sends."""
    from sens.cli.client import Target
    from sens.cli.devices import run

    target = Target(url, api_key_file)
    return run(target, name=device, prefix=prefix, source=source, limit=limit, as_json=as_json)


@app.command()
def readings(  # noqa: PLR0913, PLR0917 - an option each
    series: Annotated[
        int | None, typer.Argument(metavar="SERIES", help="Id of the series; or name it by --device and --metric.")
    ] = None,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="The device.")] = None,
    metric: Annotated[str | None, typer.Option(metavar="NAME", help="The metric.")] = None,
    source: Annotated[
        str | None, typer.Option(metavar="NAME", help="The source, where several have such a device.")
    ] = None,
    start: FromTime = "now-1h",
    end: ToTime = "now",
    resolution: Annotated[
        Resolution,
        typer.Option(help="Single readings or sums of them; auto: as fine as a chart can show."),
    ] = "auto",
    time_zone: Annotated[
        str, typer.Option(metavar="NAME", help="By whose clock hours and days begin: Europe/Berlin.")
    ] = "UTC",
    limit: Limit = DEFAULT_LIMIT,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    url: Url = DEFAULT_URL,
    api_key_file: KeyFile = None,
    as_json: AsJson = False,
) -> int:
    """Print the readings of a series.

    Oldest first, with from <= time < to. Times are RFC 3339 with an offset (2026-01-05T14:00:00Z), or relative: now,
    now-1h, now-30m (units s, m, h, d, w).
    """
    from sens.cli.client import Target
    from sens.cli.readings import Wanted, run

    if as_json and as_csv:
        raise WrongArgument("--csv or --json: give one of them")
    wanted = Wanted(series, device, metric, source, start, end, resolution, limit, time_zone)
    return run(Target(url, api_key_file), wanted, "json" if as_json else "csv" if as_csv else "table")


@app.command()
def export(  # noqa: PLR0913, PLR0917 - an option each
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")],
    series: Annotated[
        list[int] | None, typer.Option(metavar="ID", help="Only this series; may be given several times.")
    ] = None,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="Only this device.")] = None,
    metric: Annotated[str | None, typer.Option(metavar="NAME", help="Only this metric.")] = None,
    source: SourceFilter = None,
    start: FromTime = "now-1d",
    end: ToTime = "now",
    resolution: Annotated[Resolution, typer.Option(help="Single readings or sums of them.")] = "raw",
    time_zone: Annotated[
        str, typer.Option(metavar="NAME", help="By whose clock hours and days begin: Europe/Berlin.")
    ] = "UTC",
    form: Annotated[
        Literal["csv", "parquet", "arrow"] | None, typer.Option("--format", help="Left out: by the file's name.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    url: Url = DEFAULT_URL,
    api_key_file: KeyFile = None,
) -> int:
    """Write readings into a CSV, Parquet or Arrow file.

    A row is a reading with the names of its series; rows stand by series and time. The file is written while it is
    read, however long it is, and takes its name only once it is whole.
    """
    from sens.cli.client import Target
    from sens.cli.export import Wanted, run

    wanted = Wanted(series or [], device, metric, source, start, end, resolution, time_zone)
    return run(Target(url, api_key_file), wanted, output, form, force=force)


@app.command()
def replay(
    start: FromTime,
    end: ToTime = "now",
    source: SourceFilter = None,
    overwrite: Overwrite = False,
    url: Url = DEFAULT_URL,
    api_key_file: KeyFile = None,
    as_json: AsJson = False,
) -> int:
    """Decode stored messages again.

    For when the configuration or a decoder was mended (restart the telemetry worker first): the messages that the log
    took in from --from to --to are decoded anew, and nothing is stored twice. What can be stored now leaves the
    quarantine.
    """
    from sens.cli.client import Target
    from sens.cli.replay import run

    target = Target(url, api_key_file)
    return run(target, start=start, end=end, source=source, overwrite=overwrite, as_json=as_json)
