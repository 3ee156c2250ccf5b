"""`sens api-key …`."""

from typing import Annotated, Literal

import typer

from sens.cli.options import DEFAULT_LIMIT, DEFAULT_URL, AsJson, KeyFile, Limit, Url

app = typer.Typer(help="Say who may use the API.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="For a person; each key has its own.")],
    scope: Annotated[
        Literal["read", "operate", "admin"],
        typer.Option(help="read: look at everything; operate: also replay and discard; admin: also keys."),
    ] = "read",
    tenant: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose data it opens; left out: all tenants'.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="TIME", help="now+90d, or 2027-01-01T00:00:00Z; left out: never.")
    ] = None,
    url: Url = DEFAULT_URL,
    api_key_file: KeyFile = None,
    as_json: AsJson = False,
) -> int:
    """Make a key.

    It is written to standard output and nowhere else: the platform keeps only its hash.
    """
    from sens.cli.api_keys import create as run
    from sens.cli.client import Target

    return run(Target(url, api_key_file), name=name, scope=scope, tenant=tenant, expires=expires, as_json=as_json)


@app.command("list")
def list_(
    limit: Limit = DEFAULT_LIMIT, url: Url = DEFAULT_URL, api_key_file: KeyFile = None, as_json: AsJson = False
) -> int:
    """List keys, also expired and revoked ones."""
    from sens.cli.api_keys import list_keys
    from sens.cli.client import Target

    return list_keys(Target(url, api_key_file), limit=limit, as_json=as_json)


@app.command()
def revoke(
    key_id: Annotated[int, typer.Argument(metavar="ID", help="Id of the key, as listed.", min=1)],
    url: Url = DEFAULT_URL,
    api_key_file: KeyFile = None,
    as_json: AsJson = False,
) -> int:
    """Let a key open nothing any more.

    It takes at most five seconds until it is refused everywhere.
    """
    from sens.cli.api_keys import revoke as run
    from sens.cli.client import Target

    return run(Target(url, api_key_file), key_id, as_json=as_json)
