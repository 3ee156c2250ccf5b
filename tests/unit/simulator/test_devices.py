import json
from typing import Any

import pytest

from sens.simulator.devices import DAY_US, Fleet, daily_wave

NOW = 1_700_000_000_000_000


def payloads(fleet: Fleet, count: int, time: int = NOW) -> list[dict[str, Any]]:
    return [json.loads(message.payload) for message in fleet.messages(count, time)]


def test_the_same_seed_sends_the_same_bytes():
    assert Fleet(25, seed=7).messages(100, NOW) == Fleet(25, seed=7).messages(100, NOW)


def test_another_seed_sends_other_bytes():
    assert Fleet(25, seed=7).messages(25, NOW) != Fleet(25, seed=8).messages(25, NOW)


def test_what_a_device_sends_does_not_depend_on_how_many_others_there_are():
    few, many = Fleet(10, seed=1), Fleet(200, seed=1)
    assert few.messages(10, NOW) == many.messages(10, NOW)


def test_messages_may_be_asked_for_in_any_portions():
    one, other = Fleet(12, seed=3), Fleet(12, seed=3)
    portions = [message for count in (1, 0, 30, 5) for message in one.messages(count, NOW)]
    assert portions == other.messages(36, NOW)


def test_all_devices_take_turns_on_a_topic_each():
    topics = [message.topic for message in Fleet(30, seed=1).messages(60, NOW)]
    assert topics[:30] == topics[30:]
    assert len(set(topics)) == 30
    assert all(len(topic.split("/")) == 3 and topic.startswith("sens/") for topic in topics)


def test_ten_devices_show_nesting_text_booleans_and_own_times():
    seen = payloads(Fleet(10, seed=1), 10)
    assert any(isinstance(value, dict) for payload in seen for value in payload.values())
    assert any(isinstance(value, str) for payload in seen for value in payload.values())
    assert any(isinstance(value, bool) for payload in seen for value in payload.values())
    assert any("ts" in payload for payload in seen)


def test_own_times_are_near_the_asked_time_and_never_repeat_even_at_one_instant():
    fleet = Fleet(6, seed=1)
    times = [payload["ts"] for payload in payloads(fleet, 6 * 50) if "ts" in payload]
    assert times == list(range(NOW // 1000, NOW // 1000 + 50))


def test_values_stay_believable_for_days():
    fleet = Fleet(10, seed=5)
    for minute in range(3 * 24 * 60):
        for payload in payloads(fleet, 10, NOW + minute * 60_000_000):
            assert 0 <= payload.get("battery", 50) <= 100
            assert 5 <= payload.get("humidity", 50) <= 98
            assert -10 <= payload.get("temperature", 20) <= 45
            assert payload.get("status", "idle") in ("idle", "running", "fault")


@pytest.mark.parametrize("day", [0, 1, 19_000])
def test_the_daily_wave_is_highest_in_the_afternoon_and_lowest_at_night(day: int):
    hours = [daily_wave(day * DAY_US + hour * DAY_US // 24) for hour in range(24)]
    assert hours.index(max(hours)) == 15
    assert hours.index(min(hours)) == 3
