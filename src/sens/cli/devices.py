"""`sens devices`: the devices of the platform, or what one of them measures."""

from typing import Any

from sens.cli.client import Target, connect
from sens.cli.output import note, print_json, print_table
from sens.cli.progress import progress

_DEVICE_COLUMNS = ("id", "name", "source", "tenant", "series", "last_seen", "created_at")
_LATEST_COLUMNS = ("series_id", "source", "device", "metric", "value", "unit", "time", "age_s")


def run(target: Target, *, name: str | None, prefix: str | None, source: str | None, limit: int, as_json: bool) -> int:
    """Print devices by name; with `name` the newest reading of each of its series."""
    with connect(target) as api, progress("Asking for devices"):
        if name is None:
            columns = _DEVICE_COLUMNS
            found = list(api.pages("devices", {"prefix": prefix, "source": source}, limit + 1))
        else:
            columns = _LATEST_COLUMNS
            found = list(api.pages("latest", {"device": name, "source": source}, limit + 1))
    shown = found[:limit]
    if as_json:
        print_json(shown)
    else:
        print_table(columns, [_row(columns, item) for item in shown])
    if len(found) > limit:
        note(f"there are more than {limit}: ask for them with --limit")
    return 0


def _row(columns: tuple[str, ...], item: dict[str, Any]) -> list[object]:
    if item.get("kind") == "boolean":
        item = {**item, "value": bool(item["value"])}
    return [item[column] for column in columns]
