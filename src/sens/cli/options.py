"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT_LIMIT = 1_000

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Url = Annotated[str, typer.Option("--url", metavar="URL", envvar="SENS_URL", help="The API's address.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--api-key-file",
        metavar="FILE",
        help="File with the API key. Left out: SENS_API_KEY, else, for an API on this machine, .sens/admin-api-key.",
    ),
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Most rows.")]
SourceFilter = Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only this source.")]
FromTime = Annotated[str, typer.Option("--from", metavar="TIME", help="First moment.")]
ToTime = Annotated[str, typer.Option("--to", metavar="TIME", help="Moment before which it ends.")]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Readings that changed replace what is stored; else they are conflicts."),
]
