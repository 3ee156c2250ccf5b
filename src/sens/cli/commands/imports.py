"""Bringing readings in from files."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sens.cli.options import DEFAULT_URL, AsJson, KeyFile, Url

app = typer.Typer()


@app.command(name="import")
def import_(  # noqa: PLR0913, PLR0917 - an option each
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv or .parquet file.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read the whole file, show what would be stored, and send nothing.")
    ] = False,
    source: Annotated[
        str, typer.Option(metavar="NAME", help="Source of the import itself: the ledger counts under it.")
    ] = "import",
    time: Annotated[str | None, typer.Option(metavar="COLUMN", help="Where the time stands.")] = None,
    device: Annotated[
        str | None, typer.Option(metavar="COLUMN|=NAME", help="Where the device stands, or the same for all rows.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option(metavar="COLUMN|=NAME", help="Where the metric stands, or the same for all rows.")
    ] = None,
    value: Annotated[str | None, typer.Option(metavar="COLUMN", help="Where the value stands.")] = None,
    text: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Where the value of texts stands, if beside numbers.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(metavar="COLUMN|=UNIT", help="Where the unit stands, or the same for all rows.")
    ] = None,
    devices_of: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN|=NAME",
            help="The source whose devices they are: where it stands, or the same for all rows. Left out: as the "
            "column `source` says, else the import's own.",
        ),
    ] = None,
    wide: Annotated[bool, typer.Option("--wide", help="Each column that is nothing else is a metric.")] = False,
    metric_columns: Annotated[
        str | None, typer.Option(metavar="COLUMN,…", help="These columns are metrics, others are left out.")
    ] = None,
    kind: Annotated[
        Literal["auto", "number", "boolean", "text"] | None,
        typer.Option(
            help="What values are; what is no such thing goes to quarantine. Left out: as the column `kind` says, else "
            "as the types of a Parquet file, else number. auto: a cell is what it looks like."
        ),
    ] = None,
    time_format: Annotated[
        str,
        typer.Option(
            metavar="FORMAT",
            help="auto (ISO 8601, or a number by its magnitude), s, ms, us, ns, iso8601, or a pattern such as "
            "%d.%m.%Y %H:%M.",
        ),
    ] = "auto",
    time_zone: Annotated[
        str, typer.Option(metavar="NAME", help="By whose clock times are that bear no zone: Europe/Berlin.")
    ] = "UTC",
    delimiter: Annotated[
        str | None, typer.Option(metavar="CHARACTER", help="Between cells of CSV; left out: found in the first line.")
    ] = None,
    decimal: Annotated[Literal[".", ","], typer.Option(help="Between whole and fraction of numbers in CSV.")] = ".",
    encoding: Annotated[str, typer.Option(metavar="NAME", help="Of CSV: utf-8, latin-1, utf-16, …")] = "utf-8",
    url: Url = DEFAULT_URL,
    api_key_file: KeyFile = None,
    as_json: AsJson = False,
) -> int:
    """Bring readings in from a CSV or Parquet file.

    What `sens export` wrote needs no option, and comes back equal. The file is read as it is sent, however long it is;
    an import that was interrupted goes on where it was when it is started again, and one that is finished sends
    nothing. Readings go the way of all others: what is stored already is a duplicate or a conflict, and what cannot be
    stored is in quarantine with its line. See `sens ledger`.
    """
    from sens.cli.client import Target
    from sens.cli.importing.mapping import Asked
    from sens.cli.importing.run import Wanted, run
    from sens.cli.importing.tables import CsvDialect

    columns = tuple(name.strip() for name in metric_columns.split(",")) if metric_columns else ()
    asked = Asked(time, devices_of, device, metric, unit, value, text, kind, wide, columns)
    dialect = CsvDialect(delimiter, "utf-8-sig" if encoding == "utf-8" else encoding)
    wanted = Wanted(file, source, asked, dialect, time_format, time_zone, decimal)
    return run(Target(url, api_key_file), wanted, dry_run=dry_run, as_json=as_json)
