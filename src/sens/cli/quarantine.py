"""`sens quarantine …`: messages that were not stored."""

import base64
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

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


class Filter(NamedTuple):
    """Which open messages: those that fit everything given. `start`, `end`: as people write times."""

    source: str | None
    reason: str | None
    start: str | None
    end: str | None

    def body(self) -> dict[str, str]:
        given = {"source": self.source, "reason": self.reason, "from": self.start, "to": self.end}
        return {name: value for name, value in given.items() if value is not None}


def replay_all(target: Target, which: Filter, *, overwrite: bool, as_json: bool) -> int:
    """Have all open messages that fit decoded again, and print what came of it."""
    return _all(
        target, "replay", {**which.body(), "overwrite": overwrite}, ("tried", "still_open", *_REPLAYED), as_json=as_json
    )


def discard_all(target: Target, which: Filter, *, as_json: bool) -> int:
    """Settle all open messages that fit, without storing them."""
    return _all(target, "discard", which.body(), ("discarded",), as_json=as_json)


def _all(target: Target, act: str, body: dict[str, Any], counted: Sequence[str], *, as_json: bool) -> int:
    """Request after request, as each takes only so many."""
    totals = Counter(dict.fromkeys(counted, 0))
    with connect(target) as api, progress("Working") as shown:
        while True:
            answer = api.post(f"quarantine/{act}", body)
            totals.update({name: answer[name] for name in counted})
            if answer["next_cursor"] is None:
                if answer["remaining"]:
                    note(f"{answer['remaining']} are held by a replay: do it again when that has ended")
                break
            body["cursor"] = answer["next_cursor"]
            shown.tell(f"{totals[counted[0]]} done, {answer['remaining']} left")
    if as_json:
        print_json(dict(totals))
    else:
        print_table(counted, [[totals[name] for name in counted]])
    return ExitCode.OK


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
