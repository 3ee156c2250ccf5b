"""`sens api-key …`: who may use the API."""

from sens.cli.client import Target, connect
from sens.cli.output import note, print_json, print_line, print_table
from sens.cli.times import iso, now, parse_time

_COLUMNS = ("id", "name", "scope", "tenant", "prefix", "created_at", "expires_at", "revoked_at")


def create(target: Target, *, name: str, scope: str, tenant: str | None, expires: str | None, as_json: bool) -> int:
    """Make a key and print it, alone on standard output."""
    expires_at = None if expires is None else iso(parse_time(expires, "--expires", now()))
    with connect(target) as api:
        key = api.post("api-keys", {"name": name, "scope": scope, "tenant": tenant, "expires_at": expires_at})
    if as_json:
        print_json(key)
    else:
        print_line(key["key"])
        note(f"key {key['id']}, named {key['name']}, with scope {key['scope']}: keep it, it is shown this once")
    return 0


def list_keys(target: Target, *, limit: int, as_json: bool) -> int:
    """Print all keys, also expired and revoked ones, without what they open with."""
    with connect(target) as api:
        found = list(api.pages("api-keys", {}, limit + 1))
    if as_json:
        print_json(found[:limit])
    else:
        print_table(_COLUMNS, [[key[column] for column in _COLUMNS] for key in found[:limit]])
    if len(found) > limit:
        note(f"there are more than {limit}: ask for them with --limit")
    return 0


def revoke(target: Target, key_id: int, *, as_json: bool) -> int:
    """Let a key open nothing any more."""
    with connect(target) as api:
        key = api.delete(f"api-keys/{key_id}")
    if as_json:
        print_json(key)
    else:
        print_line(f"key {key['id']}, named {key['name']}, is revoked since {key['revoked_at']}")
    return 0
