import json
from itertools import pairwise
from typing import Any

import pytest

from command_line import Sens
from sens.cli.replay import LONGEST_PART, QUICK_S, SHORTEST_PART, SLOW_S, next_length
from sens.cli.times import HOUR, MINUTE

PART = {"envelopes": 1, "messages": 10, "stored": 3, "duplicate": 27, "conflict": 0, "quarantined": 1, "expired": 0}


def test_quick_parts_are_followed_by_longer_ones_and_slow_ones_by_shorter():
    assert next_length(MINUTE, 0.1) > MINUTE
    assert next_length(MINUTE, (QUICK_S + SLOW_S) / 2) == MINUTE
    assert next_length(MINUTE, SLOW_S + 1) < MINUTE
    assert next_length(LONGEST_PART, 0.1) == LONGEST_PART
    assert next_length(SHORTEST_PART, 99) == SHORTEST_PART


def test_a_range_is_replayed_without_gap_and_summed_up(stub: Any, sens: Sens):
    stub.answers = [(200, PART)] * 10
    start, end = "2026-01-05T00:00:00Z", "2026-01-05T01:00:00Z"
    answer = sens("replay", "--from", start, "--to", end, "--source", "a", "--json", "--url", stub.url)
    assert answer.returncode == 0
    bodies = [json.loads(body) for _, _, body in stub.asked]
    assert bodies[0]["from"] == start
    assert bodies[-1]["to"] == end
    assert all(one["to"] == other["from"] for one, other in pairwise(bodies))
    assert all((body["source"], body["overwrite"]) == ("a", False) for body in bodies)
    assert 1 < len(bodies) < HOUR // MINUTE
    assert json.loads(answer.stdout) == {name: count * len(bodies) for name, count in PART.items()}


def test_what_breaks_on_the_way_says_where_to_go_on(stub: Any, sens: Sens):
    stub.answers = [(200, PART), (503, {"title": "No telemetry worker answers", "detail": ""})]
    answer = sens("replay", "--from", "2026-01-05T00:00:00Z", "--to", "2026-01-06T00:00:00Z", "--url", stub.url)
    assert answer.returncode == 4
    assert answer.stdout == b""
    said = answer.stderr.decode()
    assert "go on with --from 2026-01-05T00:01:00Z" in said
    assert "No telemetry worker answers" in said


@pytest.mark.parametrize("arguments", [["--to", "now"], ["--from", "now", "--to", "now-1h"]])
def test_a_range_that_cannot_be_ends_with_2(sens: Sens, arguments: list[str]):
    assert sens("replay", *arguments).returncode == 2
