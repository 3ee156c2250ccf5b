import json
from typing import Any

import pytest

from sens.cli import tail
from sens.cli.client import ApiAway, ApiRefused, Target


def readings(*values: float | str) -> bytes:
    some = [
        {"series_id": 1, "source": "a", "device": "d\x1b", "metric": "m", "unit": "Cel", "time_us": 0, "value": value}
        for value in values
    ]
    return f"event: readings\ndata: {json.dumps({'readings': some})}\n\n".encode()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "AGAIN_AFTER_S", 0.0)


def test_a_stream_that_ends_or_fails_is_made_again(stub: Any, capsys: pytest.CaptureFixture[str]):
    stub.answers = [(200, readings(1)), (503, {"title": "NATS does not answer"}), (200, readings(2, "x", 4))]
    assert tail.run(Target(stub.url, None), {"device": "d"}, count=3, as_json=True) == 0
    out, err = capsys.readouterr()
    assert [json.loads(line)["value"] for line in out.splitlines()] == [1, 2, "x"]
    assert "the stream has ended" in err
    assert "NATS does not answer" in err
    assert {target for target, _, _ in stub.asked} == {"GET /api/v1/live?device=d"}


def test_a_stream_that_ended_goes_on_where_it_was(stub: Any, capsys: pytest.CaptureFixture[str]):
    stub.answers = [
        (200, b"id: e-1\n" + readings(1)),
        (200, b"id: e-1\n\n: heartbeat\nid: e-5\n\n"),
        (200, readings(2)),
    ]
    assert tail.run(Target(stub.url, None), {}, count=2, as_json=True) == 0
    assert [headers.get("Last-Event-ID") for _, headers, _ in stub.asked] == [None, "e-1", "e-5"]


def test_the_first_connection_must_succeed(stub: Any):
    stub.answers = [(503, {"title": "NATS does not answer"})]
    with pytest.raises(ApiAway):
        tail.run(Target(stub.url, None), {}, count=None, as_json=False)


def test_a_key_that_is_refused_later_ends_it(stub: Any):
    stub.answers = [(200, readings(1)), (401, {"title": "No valid API key"})]
    with pytest.raises(ApiRefused):
        tail.run(Target(stub.url, None), {}, count=None, as_json=False)


def test_lines_have_columns_and_cannot_steer_the_terminal(stub: Any, capsys: pytest.CaptureFixture[str]):
    stub.answers = [(200, b"event: reset\ndata: {}\n\n" + readings(1.5))]
    tail.run(Target(stub.url, None), {}, count=1, as_json=False)
    out, err = capsys.readouterr()
    head, line = out.splitlines()
    assert head.split() == ["time", "source", "device", "metric", "value", "unit"]
    assert line.split() == ["1970-01-01T00:00:00Z", "a", "d\\x1b", "m", "1.5", "Cel"]
    assert head.index("value") + len("value") == line.index("1.5") + len("1.5")
    assert "readings may be missing here" in err


def test_booleans_are_shown_as_words(stub: Any, capsys: pytest.CaptureFixture[str]):
    stub.answers = [(200, readings(True, False))]
    tail.run(Target(stub.url, None), {}, count=2, as_json=False)
    assert [line.split()[-2] for line in capsys.readouterr().out.splitlines()[1:]] == ["true", "false"]
