"""Commands that look at files and at the build; they need no server."""

from pathlib import Path
from typing import Annotated

import typer

from sens.cli.options import AsJson

app = typer.Typer()


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration file.")], as_json: AsJson = False
) -> int:
    """Validate a configuration file.

    Every mistake is told with its line, its column and what to write instead. Ends with 3 if the file cannot be used.
    Warnings (a secret or certificate that is not there) do not count.
    """
    from sens.cli.check import run

    return run(file, as_json=as_json)


@app.command()
def decode(
    config: Annotated[Path, typer.Option(metavar="FILE", help="The configuration file.")],
    source: Annotated[str, typer.Option(metavar="NAME", help="The source that receives the message.")],
    topic: Annotated[str, typer.Option(metavar="TOPIC", help="The topic that it is published to.")],
    retained: Annotated[bool, typer.Option("--retained", help="As if the broker had kept it for us.")] = False,
) -> int:
    """Print what would become of a message.

    The payload is read from standard input. Printed as JSON are the readings that would be stored, or why it would be
    quarantined or ignored. A reading with `in_conflict_with` would be kept in quarantine: another value comes before it
    for the same instant. No server is asked, so what is stored already (devices and series that count towards limits,
    other values for the same instant) is not looked at.
    """
    from sens.cli.decode import run

    return run(config, source, topic, retained=retained)


@app.command()
def version(as_json: AsJson = False) -> int:
    """Print the version and the commit of this build."""
    from sens.cli.version import run

    return run(as_json=as_json)
