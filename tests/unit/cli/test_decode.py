import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_line import Sens
from sens.cli.decode import decode
from sens.decoders.registry import DECODERS
from sens.sources import Configuration, parse

TEXT = """\
sources:
  - name: plant-a
    broker: mqtt://broker.example.org
    limits: {max_message_bytes: 500, max_series_per_device: 3}
    topics:
      - topic: sens/{device}/telemetry
        decoder: json
        time: {field: ts, missing: receive_time}
      - topic: plain/{device}/{metric...}
        decoder: plain
        unit: Cel
      - topic: sens/+/debug
        ignore: true
"""


@pytest.fixture(scope="module")
def configuration() -> Configuration:
    return parse(TEXT, name="sens.yaml", decoders=DECODERS)


def decoded(configuration: Configuration, topic: str, payload: bytes, *, retained: bool = False) -> dict[str, Any]:
    return decode(configuration, configuration.sources[0], topic, payload, retained=retained)


def test_readings_are_as_they_would_be_stored(configuration: Configuration):
    result = decoded(configuration, "sens/d7/telemetry", b'{"t": 21.5, "on": true, "mode": "eco"}')
    assert (result["outcome"], result["source"], result["topic"]) == ("decoded", "plant-a", "sens/d7/telemetry")
    assert [(r["device"], r["metric"], r["kind"], r["value"]) for r in result["readings"]] == [
        ("d7", "t", "number", 21.5),
        ("d7", "on", "boolean", True),
        ("d7", "mode", "text", "eco"),
    ]
    assert {reading["time"] for reading in result["readings"]} == {result["received_at"]}


def test_a_time_of_its_own_and_a_unit_are_told(configuration: Configuration):
    result = decoded(configuration, "plain/d7/a/b", b"3")
    [reading] = result["readings"]
    assert (reading["metric"], reading["unit"], reading["value"]) == ("a/b", "Cel", 3.0)
    later = result["received_at"][:-4] + "000Z"
    result = decoded(configuration, "sens/d7/telemetry", json.dumps({"ts": later, "t": 1}).encode())
    assert result["readings"][0]["time"].rstrip("Z").rstrip("0") == later.rstrip("Z").rstrip("0")


def test_a_second_value_for_an_instant_is_told_as_a_conflict(configuration: Configuration):
    result = decoded(configuration, "sens/d7/telemetry", b'[{"t": 1}, {"t": 1}, {"t": 2}]')
    assert [reading.get("in_conflict_with") for reading in result["readings"]] == [None, None, 1.0]


@pytest.mark.parametrize(
    ("topic", "payload", "reason", "place"),
    [
        ("sens/d7/telemetry", b'{"t":', "invalid_syntax", ""),
        ("sens/d7/telemetry", b"", "empty_payload", "0 bytes"),
        ("sens/d7/telemetry", b'{"ts": 0, "t": 1}', "time_too_old", ""),
        ("sens/d7/telemetry", b'{"a": 1, "b": 1, "c": 1, "d": 1}', "too_many_series", "max_series_per_device"),
        ("sens/d7/telemetry", b" " * 501, "oversize", "max_message_bytes"),
        ("other/d7", b"1", "no_route", "other/d7"),
    ],
)
def test_what_would_be_quarantined_says_why(
    configuration: Configuration, topic: str, payload: bytes, reason: str, place: str
):
    result = decoded(configuration, topic, payload)
    assert (result["outcome"], result["reason"]) == ("quarantined", reason)
    assert place in result["detail"]
    assert result["meaning"].endswith(".")


def test_what_would_be_ignored_says_by_which_rule(configuration: Configuration):
    assert decoded(configuration, "sens/d7/debug", b"1")["reason"] == "declared"
    result = decoded(configuration, "sens/d7/telemetry", b'{"t": 1}', retained=True)
    assert (result["outcome"], result["reason"]) == ("ignored", "retained")


def test_a_retained_message_with_a_time_of_its_own_is_stored(configuration: Configuration):
    time = decoded(configuration, "plain/d7/a", b"1")["received_at"]
    payload = json.dumps({"ts": time, "t": 1}).encode()
    assert decoded(configuration, "sens/d7/telemetry", payload, retained=True)["outcome"] == "decoded"


@given(payload=st.binary(max_size=600), topic=st.sampled_from(["sens/d7/telemetry", "plain/d/m", "sens/x/debug"]))
def test_any_payload_has_an_outcome(configuration: Configuration, payload: bytes, topic: str):
    assert decoded(configuration, topic, payload)["outcome"] in ("decoded", "ignored", "quarantined")


def test_the_command_reads_standard_input_and_prints_json(sens: Sens, tmp_path: Path):
    (tmp_path / "sens.yaml").write_text(TEXT)
    arguments = ("decode", "--config", "sens.yaml", "--source", "plant-a", "--topic", "sens/d7/telemetry")
    answer = sens(*arguments, stdin='{"s": "Küche\\u001b[31m"}'.encode())
    assert answer.returncode == 0
    assert json.loads(answer.stdout)["readings"][0]["value"] == "Küche\x1b[31m"
    assert answer.stdout.isascii()


@pytest.mark.parametrize(
    ("source", "topic", "said"),
    [("plant-b", "sens/d7/telemetry", "but: plant-a"), ("plant-a", "sens/+/telemetry", "without wildcards")],
)
def test_a_source_or_topic_that_cannot_be_ends_with_2(sens: Sens, tmp_path: Path, source: str, topic: str, said: str):
    (tmp_path / "sens.yaml").write_text(TEXT)
    answer = sens("decode", "--config", "sens.yaml", "--source", source, "--topic", topic)
    assert answer.returncode == 2
    assert said in answer.stderr.decode()


def test_a_wrong_configuration_ends_with_3_and_all_its_problems(sens: Sens, tmp_path: Path):
    (tmp_path / "sens.yaml").write_text("sources: 3\n")
    answer = sens("decode", "--config", "sens.yaml", "--source", "plant-a", "--topic", "x")
    assert answer.returncode == 3
    assert "sens.yaml:1:10: " in answer.stderr.decode()
