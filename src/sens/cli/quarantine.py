"""`sens quarantine …`: messages that were not stored."""

import base64
from collections.abc import Callable, Sequence
from typing import Any

from sens.cli.client import Api, Target, connect
from sens.cli.errors import WrongArgument
from sens.cli.output import note, print_bytes, print_json, print_line, print_table
from sens.cli.progress import progress
from sens.runtime.exits import ExitCode

_COLUMNS = ("id", "source", "topic", "reason", "detail", "state", "payload_bytes", "received_at")
_DETAILS = (*_COLUMNS, "changed_at", "envelope_id", "position")
_REPLAYED = ("stored", "duplicate", "conflict", "quarantined", "expired")


def list_messages(
    target: Target, *, source: str | None, reason: str | None, state: str, limit: int, as_json: bool
) -> int:
    """Print messages in quarantine, the newest first."""
    wanted = {"source": source, "reason": reason, "state": None if state == "any" else state}
    with connect(target) as api, progress("Asking for messages"):
        found = list(api.pages("quarantine", wanted, limit + 1))
    if as_json:
        print_json(found[:limit])
    else:
        print_table(_COLUMNS, [[item[column] for column in _COLUMNS] for item in found[:limit]])
    if len(found) > limit:
        note(f"there are more than {limit}: ask for them with --limit")
    return 0


def show(target: Target, quarantine_id: int, *, payload_only: bool, as_json: bool) -> int:
    """Print one message with its payload."""
    with connect(target) as api:
        item = api.get(f"quarantine/{quarantine_id}")
    if as_json:
        print_json(item)
        return 0
    payload = base64.b64decode(item["payload_base64"])
    if payload_only:
        print_bytes(payload)
        return 0
    for name in _DETAILS:
        print_line(f"{name + ':':15}{item[name]}")
    print_line(f"{'payload:':15}{item['payload_text'] if item['payload_text'] is not None else payload.hex(' ')}")
    return 0


def replay(target: Target, ids: Sequence[int], *, overwrite: bool, as_json: bool) -> int:
    """Have messages decoded again, and print what came of each."""

    def one(api: Api, id_: int) -> dict[str, Any]:
        answer = api.post(f"quarantine/{id_}/replay", parameters={"overwrite": overwrite})
        return {name: answer[name] for name in _REPLAYED}

    return _each(target, ids, one, _REPLAYED, as_json=as_json)


def discard(target: Target, ids: Sequence[int], *, as_json: bool) -> int:
    """Settle messages for good, without storing them."""

    def one(api: Api, id_: int) -> dict[str, Any]:
        return {"state": api.post(f"quarantine/{id_}/discard")["state"]}

    return _each(target, ids, one, ("state",), as_json=as_json)


def _each(
    target: Target,
    ids: Sequence[int],
    one: Callable[[Api, int], dict[str, Any]],
    columns: Sequence[str],
    *,
    as_json: bool,
) -> int:
    """Do something to each message; what one of them refuses does not stop the others."""
    results = list[dict[str, Any]]()
    with connect(target) as api, progress("Working") as shown:
        for done, id_ in enumerate(ids):
            shown.tell(f"{done} of {len(ids)} messages")
            try:
                results.append({"id": id_, **one(api, id_), "problem": None})
            except WrongArgument as error:
                results.append({"id": id_, **dict.fromkeys(columns), "problem": str(error)})
    if as_json:
        print_json(results)
    else:
        names = ("id", *columns, "problem")
        print_table(names, [[result[name] for name in names] for result in results])
    return ExitCode.USAGE if any(result["problem"] for result in results) else ExitCode.OK
