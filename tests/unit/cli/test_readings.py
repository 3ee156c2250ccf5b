import json
from typing import Any

import pytest

from sens.cli.client import Target
from sens.cli.readings import CHART_POINTS, Format, Wanted, run

SECOND = 1_000_000
SERIES = {"id": 7, "device": "d", "metric": "m", "source": "a", "unit": "", "kind": "number"}


def page(start: int, count: int, next_from: str | None, resolution: str = "raw") -> tuple[int, dict[str, Any]]:
    times = [(start + at) * SECOND for at in range(count)]
    columns = {"time_us": times, "value": [float(start + at) for at in range(count)]}
    return 200, {"series_id": 7, "resolution": resolution, "columns": columns, "next_from": next_from}


def asked_for(stub: Any, limit: int, form: Format = "json") -> None:
    wanted = Wanted(7, None, None, None, "now-1h", "now", "auto", limit, "UTC")
    assert run(Target(stub.url, None), wanted, form) == 0


def test_pages_follow_each_other_at_the_resolution_of_the_first(stub: Any, capsys: pytest.CaptureFixture[str]):
    stub.answers = [(200, SERIES), page(0, 5000, "1970-01-01T01:23:20Z"), page(5000, 1000, None)]
    asked_for(stub, 10_000)
    found = json.loads(capsys.readouterr().out)
    assert [reading["value"] for reading in found["readings"]] == list(range(6000))
    assert (found["series"]["id"], found["resolution"]) == (7, "raw")
    _, first, second = [target for target, _, _ in stub.asked]
    assert "from=now-1h&to=now&resolution=auto&limit=5000&" in first
    assert "from=1970-01-01T01%3A23%3A20Z&to=now&resolution=raw&limit=5000&" in second


def test_a_small_limit_does_not_change_the_resolution_and_says_where_to_go_on(
    stub: Any, capsys: pytest.CaptureFixture[str]
):
    stub.answers = [(200, SERIES), page(0, 10, None)]
    asked_for(stub, 3)
    out, err = capsys.readouterr()
    assert len(json.loads(out)["readings"]) == 3
    assert f"limit={CHART_POINTS}" in stub.asked[-1][0]
    assert "there are more readings from 1970-01-01T00:00:03Z on" in err


def test_a_range_without_readings_is_an_empty_table(stub: Any, capsys: pytest.CaptureFixture[str]):
    stub.answers = [(200, SERIES), page(0, 0, None)]
    asked_for(stub, 3, "table")
    out, err = capsys.readouterr()
    assert (out.split(), err) == (["time", "value"], "")
