"""`sens quarantine …`."""

from typing import Annotated, Literal

import typer

from sens.cli.options import DEFAULT_LIMIT, DEFAULT_URL, AsJson, KeyFile, Limit, Overwrite, SourceFilter, Url

app = typer.Typer(help="Look at messages that were not stored.", no_args_is_help=True)

Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Ids of messages, as listed.", min=1)]
Reason = Annotated[str | None, typer.Option(metavar="CODE", help="Only this reason, such as invalid_syntax.")]
Since = Annotated[str | None, typer.Option("--from", metavar="TIME", help="Only what was received then or later.")]
Until = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Only what was received before.")]


@app.command("list")
def list_(
    source: SourceFilter = None,
    reason: Reason = None,
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
def replay(  # noqa: PLR0913, PLR0917 - an option each
    ids: Ids = None,
    source: SourceFilter = None,
    reason: Reason = None,
    start: Since = None,
    end: Until = None,
    overwrite: Overwrite = False,
    url: Url = DEFAULT_URL,
    api_key_file: KeyFile = None,
    as_json: AsJson = False,
) -> int:
    """Decode messages again: those with the ids, or all open ones that fit --source, --reason, --from and --to.

    With each message its whole envelope is decoded anew; nothing is stored twice. Ends with 2 if one of the ids is
    not there or settled already.
    """
    from sens.cli.client import Target
    from sens.cli.quarantine import Filter, replay_all
    from sens.cli.quarantine import replay as run

    target, which = Target(url, api_key_file), Filter(source, reason, start, end)
    if _are_named(ids, which):
        return run(target, ids or [], overwrite=overwrite, as_json=as_json)
    return replay_all(target, which, overwrite=overwrite, as_json=as_json)


@app.command()
def discard(
    ids: Ids = None,
    source: SourceFilter = None,
    reason: Reason = None,
    start: Since = None,
    end: Until = None,
    url: Url = DEFAULT_URL,
    api_key_file: KeyFile = None,
    as_json: AsJson = False,
) -> int:
    """Settle messages without storing them: those with the ids, or all open ones that fit --source, --reason, --from
    and --to.

    The ledger goes on counting them as quarantined. Ends with 2 if one of the ids is not there or settled already.
    """
    from sens.cli.client import Target
    from sens.cli.quarantine import Filter, discard_all
    from sens.cli.quarantine import discard as run

    target, which = Target(url, api_key_file), Filter(source, reason, start, end)
    if _are_named(ids, which):
        return run(target, ids or [], as_json=as_json)
    return discard_all(target, which, as_json=as_json)


def _are_named(ids: list[int] | None, which: tuple[str | None, ...]) -> bool:
    """Whether messages are given by id, and not by what they are like."""
    from sens.cli.errors import WrongArgument

    if bool(ids) == any(each is not None for each in which):
        raise WrongArgument("give either ids of messages, or which: --source, --reason, --from or --to")
    return bool(ids)
