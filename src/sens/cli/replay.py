"""`sens replay`: a range of the log, in parts that each take a moment."""

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sens.cli.client import Api, Target, connect
from sens.cli.output import note, print_json, print_table
from sens.cli.progress import progress
from sens.cli.times import DAY, MINUTE, SECOND, iso, parse_range

COUNTS: tuple[str, ...] = ("envelopes", "messages", "stored", "duplicate", "conflict", "quarantined", "expired")

FIRST_PART = MINUTE
SHORTEST_PART = SECOND
LONGEST_PART = 7 * DAY
QUICK_S, SLOW_S = 3.0, 15.0
"""A part that took less is followed by a longer one, a part that took more by a shorter one."""


def run(target: Target, *, start: str, end: str, source: str | None, overwrite: bool, as_json: bool) -> int:
    """Have the messages decoded again that the log took in from `start` to `end`, and print what came of it."""
    first, last = parse_range(start, end)
    totals = Counter(dict.fromkeys(COUNTS, 0))
    with connect(target) as api, progress("Replaying") as shown:
        at, length = first, FIRST_PART
        try:
            while at < last:
                stop = min(at + length, last)
                shown.tell(f"Replaying {iso(at)} ({(at - first) * 100 // (last - first)} %)")
                took_s = _replay(
                    api, totals, {"from": iso(at), "to": iso(stop), "source": source, "overwrite": overwrite}
                )
                at, length = stop, next_length(length, took_s)
        except BaseException:
            if at > first:
                note(f"replayed up to {iso(at)}: go on with --from {iso(at)}; nothing is stored twice")
            raise
    _print(totals, as_json=as_json)
    return 0


def next_length(length: int, took_s: float) -> int:
    """How long the next part is, in µs."""
    if took_s < QUICK_S:
        return min(length * 4, LONGEST_PART)
    return max(length // 2, SHORTEST_PART) if took_s > SLOW_S else length


def _replay(api: Api, totals: Counter[str], body: Mapping[str, Any]) -> float:
    started = time.monotonic()
    totals.update(api.post("replay", body))
    return time.monotonic() - started


def _print(totals: Mapping[str, int], *, as_json: bool) -> None:
    if as_json:
        print_json(dict(totals))
    else:
        print_table(COUNTS, [[totals[name] for name in COUNTS]])
