"""`sens user …`: who may log in to the console."""

import sys
from getpass import getpass
from pathlib import Path
from typing import Any

from sens.cli.client import Api, Target, connect
from sens.cli.errors import WrongArgument
from sens.cli.output import note, print_json, print_line, print_table

_COLUMNS = ("id", "name", "role", "tenant", "has_password", "disabled", "last_login_at", "created_at")
_MANY = 10_000


def create(target: Target, *, name: str, role: str, tenant: str | None, link: bool, file: Path | None) -> int:
    """Make a user, with a password or with a link to log in, which is printed."""
    password = None if link else read_password(file)
    with connect(target) as api:
        user = api.post("users", {"name": name, "role": role, "tenant": tenant, "password": password})
        note(f"user {user['name']} is there, with role {user['role']}")
        if link:
            _print_link(api, target, name)
    return 0


def list_users(target: Target, *, limit: int, as_json: bool) -> int:
    """Print all users."""
    with connect(target) as api:
        found = list(api.pages("users", {}, limit + 1))
    if as_json:
        print_json(found[:limit])
    else:
        print_table(_COLUMNS, [[user[column] for column in _COLUMNS] for user in found[:limit]])
    if len(found) > limit:
        note(f"there are more than {limit}: ask for them with --limit")
    return 0


def set_password(target: Target, *, name: str, file: Path | None) -> int:
    """Give a user a new password; all sessions of the user end."""
    with connect(target) as api:
        id_ = _find(api, name)["id"]
        api.patch(f"users/{id_}", {"password": read_password(file)})
    note(f"user {name} has a new password")
    return 0


def change(target: Target, *, name: str, values: dict[str, Any]) -> int:
    """Change a user's role, or whether the user may log in."""
    with connect(target) as api:
        user = api.patch(f"users/{_find(api, name)['id']}", values)
    note(f"user {name} has role {user['role']} and is {'disabled' if user['disabled'] else 'enabled'}")
    return 0


def delete(target: Target, *, name: str) -> int:
    """Delete a user."""
    with connect(target) as api:
        api.delete(f"users/{_find(api, name)['id']}")
    note(f"user {name} is deleted")
    return 0


def login_link(target: Target, *, name: str | None) -> int:
    """Print a link that logs in once."""
    with connect(target) as api:
        _print_link(api, target, name)
    return 0


def read_password(file: Path | None) -> str:
    """The password in the file, or typed in twice at the terminal, or the first line of standard input.

    Raises:
        WrongArgument: the file cannot be read, or the two differ.
    """
    if file is not None:
        try:
            return file.read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise WrongArgument(f"--password-file: {file} cannot be read") from error
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass("New password: ")
    if getpass("Once more: ") != password:
        raise WrongArgument("the two passwords differ")
    return password


def _find(api: Api, name: str) -> dict[str, Any]:
    found = next((user for user in api.pages("users", {}, _MANY) if user["name"] == name), None)
    if found is None:
        raise WrongArgument(f"there is no user {name}")
    return found


def _print_link(api: Api, target: Target, name: str | None) -> None:
    link = api.post("login-links", {"username": name})
    print_line(f"{target.url.rstrip('/')}{link['path']}")
    note(f"it logs {link['username']} in, once, until {link['expires_at']}")
