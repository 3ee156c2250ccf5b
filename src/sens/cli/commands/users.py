"""`sens user …`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sens.cli.options import DEFAULT_LIMIT, DEFAULT_URL, AsJson, KeyFile, Limit, Url

app = typer.Typer(help="Say who may log in to the console.", no_args_is_help=True)

Role = Literal["viewer", "operator", "admin"]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        help="File with the password. Left out: it is asked for, or read from standard input.",
    ),
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="a-z, 0-9 and ._@-; each user has its own.")],
    role: Annotated[
        Role, typer.Option(help="viewer: look at everything; operator: also change; admin: also users and keys.")
    ] = "viewer",
    tenant: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose data the user sees; left out: all tenants'.")
    ] = None,
    link: Annotated[bool, typer.Option("--link", help="No password: print a link that logs in once.")] = False,
    password_file: PasswordFile = None,
    url: Url = DEFAULT_URL,
    api_key_file: KeyFile = None,
) -> int:
    """Make a user, also the first admin."""
    from sens.cli.client import Target
    from sens.cli.users import create as run

    return run(Target(url, api_key_file), name=name, role=role, tenant=tenant, link=link, file=password_file)


@app.command("list")
def list_(
    limit: Limit = DEFAULT_LIMIT, url: Url = DEFAULT_URL, api_key_file: KeyFile = None, as_json: AsJson = False
) -> int:
    """List users."""
    from sens.cli.client import Target
    from sens.cli.users import list_users

    return list_users(Target(url, api_key_file), limit=limit, as_json=as_json)


@app.command("set-password")
def set_password(
    name: Name, password_file: PasswordFile = None, url: Url = DEFAULT_URL, api_key_file: KeyFile = None
) -> int:
    """Give a user a new password.

    All sessions of the user end.
    """
    from sens.cli.client import Target
    from sens.cli.users import set_password as run

    return run(Target(url, api_key_file), name=name, file=password_file)


@app.command("set-role")
def set_role(
    name: Name,
    role: Annotated[Role, typer.Argument(metavar="ROLE", help="viewer, operator or admin.")],
    url: Url = DEFAULT_URL,
    api_key_file: KeyFile = None,
) -> int:
    """Give a user another role. The last admin keeps it."""
    from sens.cli.client import Target
    from sens.cli.users import change

    return change(Target(url, api_key_file), name=name, values={"role": role})


@app.command()
def disable(name: Name, url: Url = DEFAULT_URL, api_key_file: KeyFile = None) -> int:
    """Let a user log in no more. All sessions of the user end."""
    from sens.cli.client import Target
    from sens.cli.users import change

    return change(Target(url, api_key_file), name=name, values={"disabled": True})


@app.command()
def enable(name: Name, url: Url = DEFAULT_URL, api_key_file: KeyFile = None) -> int:
    """Let a user log in again."""
    from sens.cli.client import Target
    from sens.cli.users import change

    return change(Target(url, api_key_file), name=name, values={"disabled": False})


@app.command()
def delete(name: Name, url: Url = DEFAULT_URL, api_key_file: KeyFile = None) -> int:
    """Delete a user. What the user did stays in the audit list."""
    from sens.cli.client import Target
    from sens.cli.users import delete as run

    return run(Target(url, api_key_file), name=name)


@app.command("login-link")
def login_link(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Whom it logs in; left out: an admin.", show_default=False)
    ] = None,
    url: Url = DEFAULT_URL,
    api_key_file: KeyFile = None,
) -> int:
    """Print a link that logs a user in, once and within ten minutes.

    For whoever has no password, or forgot it. Where there is no admin yet, a user admin is made.
    """
    from sens.cli.client import Target
    from sens.cli.users import login_link as run

    return run(Target(url, api_key_file), name=name)
