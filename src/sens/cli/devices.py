"""`sens devices`: the devices of the platform, or what one of them measures."""

from typing import Any

from sens.cli.client import Api, Target, connect
from sens.cli.errors import WrongArgument
from sens.cli.output import note, print_json, print_table
from sens.cli.progress import progress

_DEVICE_COLUMNS = ("id", "name", "source", "tenant", "series", "last_seen", "created_at")
_LATEST_COLUMNS = ("series_id", "source", "device", "metric", "value", "unit", "time", "age_s")


def run(target: Target, *, name: str | None, prefix: str | None, source: str | None, limit: int, as_json: bool) -> int:
    """Print devices by name; with `name` the newest reading of each of its series.

    Raises:
        WrongArgument: there is no device of this name.
    """
    with connect(target) as api, progress("Asking for devices"):
        if name is None:
            columns = _DEVICE_COLUMNS
            found = list(api.pages("devices", {"prefix": prefix, "source": source}, limit + 1))
        else:
            columns = _LATEST_COLUMNS
            found = list(api.pages("latest", {"device": name, "source": source}, limit + 1))
            if not found:
                _check_device(api, name, source)
    shown = found[:limit]
    if as_json:
        print_json(shown)
    else:
        print_table(columns, [_row(columns, item) for item in shown])
    if len(found) > limit:
        note(f"there are more than {limit}: ask for them with --limit")
    return 0


def _check_device(api: Api, name: str, source: str | None) -> None:
    first = list(api.pages("devices", {"prefix": name, "source": source}, 1))  # by name, so that the name itself leads
    if not first or first[0]["name"] != name:
        of_source = f" of source {source}" if source else ""
        raise WrongArgument(f"there is no device {name}{of_source}: sens devices lists them")


def _row(columns: tuple[str, ...], item: dict[str, Any]) -> list[object]:
    if item.get("kind") == "boolean":
        item = {**item, "value": bool(item["value"])}
    return [item[column] for column in columns]
