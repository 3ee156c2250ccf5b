"""What a client gets, wherever it stands in the readings."""

from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sens.domain.columns import Kind
from sens.platform_api.live import log as log_module
from sens.platform_api.live.log import LiveLog, LiveReading
from sens.storage.read_devices import Series


class Came(NamedTuple):
    series: int
    time_us: int


def series(id_: int) -> Series:
    return Series(id_, 1, "boiler", "plant-a", 1, f"m{id_}", "", "", Kind.NUMBER, 0, None, None)


def reading(number: int, series_id: int, time_us: int) -> LiveReading:
    return LiveReading(number, time_us, series(series_id), msgspec.json.encode([number, series_id, time_us]))


windows = st.lists(
    st.lists(
        st.builds(Came, st.integers(1, 4), st.integers(0, 9)), min_size=1, max_size=4, unique_by=lambda c: c.series
    ),
    max_size=12,
)


def logged(windows_: list[list[Came]]) -> tuple[LiveLog, list[LiveReading]]:
    """A log to which the windows were added, and all that it was given."""
    log, all_ = LiveLog("e"), list[LiveReading]()
    for window in windows_:
        readings = [reading(len(all_) + n, *came) for n, came in enumerate(window, 1)]
        all_ += readings
        log.add(readings)
    return log, all_


def followed(log: LiveLog, number: int) -> list[list[int]]:
    """All that whoever stands there gets, event after event: [number, series, time] of each reading."""
    got = list[list[int]]()
    while (event := log.after(number)) is not None:
        assert event.data.startswith(b"event: readings\nid: e-%d\ndata: " % event.number)
        got += msgspec.json.decode(event.data.partition(b"data: ")[2])["readings"]
        assert event.number > number
        number = event.number
    return got


@given(windows, st.integers(0, 50), st.integers(1, 40))
def test_whoever_comes_late_gets_the_newest_of_each_series_and_the_last_if_that_is_older(
    some: list[list[Came]], number: int, most_bytes: int
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_module, "MAX_EVENT_BYTES", most_bytes)
        log, all_ = logged(some)
        got = followed(log, number)
    assert [each[0] for each in got] == sorted({each[0] for each in got})
    newest = {each.series.id: each for each in sorted(all_, key=lambda each: (each.time_us, each.number))}
    last = {each.series.id: each for each in all_}
    wanted = {each.number for each in (*newest.values(), *last.values())}
    assert {each[0] for each in got} == {each for each in wanted if each > number}


@given(windows)
def test_whoever_keeps_up_gets_everything(some: list[list[Came]]):
    log, number = LiveLog("e"), 0
    for window in some:
        log.add([reading(number + n, *came) for n, came in enumerate(window, 1)])
        assert [each[1:] for each in followed(log, number)] == [list(came) for came in window]
        number += len(window)


def test_all_who_had_everything_before_get_the_same_event():
    log, _ = logged([[Came(1, 1)]])
    log.add([reading(5, 1, 2), reading(6, 2, 2)])
    assert log.after(1) is log.after(4)
    assert log.after(0) is not None
    assert [each[0] for each in followed(log, 5)] == [6]


def test_an_event_is_short_and_the_next_one_goes_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(log_module, "MAX_EVENT_BYTES", 20)
    log, _ = logged([[Came(n, 1) for n in range(1, 8)]])
    event = log.after(0)
    assert event is not None
    assert event.number == 2
    assert [each[0] for each in followed(log, 0)] == [1, 2, 3, 4, 5, 6, 7]


def test_what_is_forgotten_is_the_oldest():
    log, _ = logged([[Came(1, 1), Came(2, 1), Came(3, 1)], [Came(1, 2)]])
    assert (len(log), log.excess(2), log.excess(3)) == (3, 2, 0)
    log.forget(log.excess(2))
    assert [each.number for each in log.readings] == [3, 4]
