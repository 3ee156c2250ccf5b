"""`sens quarantine …`."""

from typing import Annotated, Literal

import typer

from sens.cli.options import DEFAULT_LIMIT, DEFAULT_URL, AsJson, KeyFile, Limit, Overwrite, SourceFilter, Url

app = typer.Typer(help="Look at messages that were not stored.", no_args_is_help=True)

Ids = Annotated[list[int], typer.Argument(metavar="ID...", help="Ids of messages, as listed.", min=1)]


@app.command("list")
def list_(
    source: SourceFilter = None,
    reason: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only this reason, such as invalid_syntax.")
    ] = None,
    state: Annotated[
        Literal["open", "replayed", "discarded", "any"], typer.Option(help="Only messages in this state.")
    ] = "open",
    limit: Limit = DEFAULT_LIMIT,
    url: Url = DEFAULT_URL,
    api_key_file: KeyFile = None,
    as_json: AsJson = False,
) -> int:
    """List messages, the newest first."""
    from sens.cli.client import Target
    from sens.cli.quarantine import list_messages

    target = Target(url, api_key_file)
    return list_messages(target, source=source, reason=reason, state=state, limit=limit, as_json=as_json)


@app.command()
def show(
    quarantine_id: Annotated[int, typer.Argument(metavar="ID", help="Id of the message, as listed.", min=1)],
    payload: Annotated[
        bool, typer.Option("--payload", help="Write only the payload's bytes, for example into sens decode.")
    ] = False,
    url: Url = DEFAULT_URL,
    api_key_file: KeyFile = None,
    as_json: AsJson = False,
) -> int:
    """Print a message with its payload."""
    from sens.cli.client import Target
    from sens.cli.quarantine import show as run

    return run(Target(url, api_key_file), quarantine_id, payload_only=payload, as_json=as_json)


@app.command()
def replay(
    ids: Ids,
    overwrite: Overwrite = False,
    url: Url = DEFAULT_URL,
    api_key_file: KeyFile = None,
    as_json: AsJson = False,
) -> int:
    """Decode messages again.

    With each message its whole envelope is decoded anew; nothing is stored twice. Ends with 2 if one of the messages is
    not there or settled already.
    """
    from sens.cli.client import Target
    from sens.cli.quarantine import replay as run

    return run(Target(url, api_key_file), ids, overwrite=overwrite, as_json=as_json)


@app.command()
def discard(ids: Ids, url: Url = DEFAULT_URL, api_key_file: KeyFile = None, as_json: AsJson = False) -> int:
    """Settle messages without storing them.

    The ledger goes on counting them as quarantined. Ends with 2 if one of them is not there or settled already.
    """
    from sens.cli.client import Target
    from sens.cli.quarantine import discard as run

    return run(Target(url, api_key_file), ids, as_json=as_json)
