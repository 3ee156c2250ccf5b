"""`sens source …`."""

from typing import Annotated

import typer

from sens.cli.options import AsJson

app = typer.Typer(help="Look after sources at their brokers.", no_args_is_help=True)


@app.command()
def drain(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Name of the source; its mode is shared.")],
    ordinal: Annotated[int, typer.Option(metavar="N", help="The member's number: that of its SENS_INSTANCE.", min=0)],
    quiet_s: Annotated[
        float, typer.Option("--quiet", metavar="SECONDS", help="How long nothing must come.", min=0.1)
    ] = 5.0,
    as_json: AsJson = False,
) -> int:
    """Take over what the broker holds for a member of a shared source that will not come back.

    Stop the member first. Its session is taken and unsubscribed; what the broker has for it is logged and acknowledged
    until nothing comes for a while; then the session is ended. Configuration and NATS are those of the ingestion
    worker, by the same SENS_* variables.

    Ends with 2 if there is no such source, with 3 if the source is not shared or the member still runs, and with 4 when
    the broker or NATS fails meanwhile: run it again, nothing is lost or doubled.
    """
    from sens.cli.drain import run

    return run(source, ordinal, quiet_s, as_json=as_json)
