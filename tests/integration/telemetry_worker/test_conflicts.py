"""Two values of one metric at one instant, in one message: the same becomes of them in every format."""

import pytest

from envelopes import envelope, publish
from telemetry import House, write

CONFIGURATION = """
sources:
  - name: plant
    broker: mqtt://127.0.0.1
    topics:
      - {topic: "json/{device}", decoder: json}
      - {topic: "influx/{device}", decoder: influx, metric: field}
      - {topic: "senml/{device}", decoder: senml}
"""


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("json/d", b'{"a.b": 1, "a": {"b": 2}, "c": 3}'),
        ("json/d", b'[{"a.b": 1, "c": 3}, {"a.b": 2}]'),
        ("influx/d", b"m a.b=1,a.b=2,c=3"),
        ("influx/d", b"m a.b=1,c=3\nm a.b=2"),
        ("senml/d", b'[{"n": "a.b", "v": 1}, {"n": "a.b", "v": 2}, {"n": "c", "v": 3}]'),
    ],
)
def test_the_first_of_two_values_is_stored_and_the_other_kept_as_a_conflict(
    house: House, topic: str, payload: bytes
) -> None:
    write(house.worker(CONFIGURATION), envelope(publish(topic, payload)))
    assert house.readings() == [("d", 1.0), ("d", 3.0)]
    assert house.rows("SELECT reason, payload FROM quarantine") == [("conflict", payload)]
    assert house.rows("SELECT decoded, readings_stored, readings_conflict FROM ledger") == [(1, 2, 1)]


def test_the_same_value_twice_is_a_duplicate(house: House) -> None:
    write(house.worker(CONFIGURATION), envelope(publish("json/d", b'{"a.b": 1, "a": {"b": 1}}')))
    assert house.readings() == [("d", 1.0)]
    assert house.quarantine() == []
    assert house.rows("SELECT readings_stored, readings_duplicate FROM ledger") == [(1, 1)]
