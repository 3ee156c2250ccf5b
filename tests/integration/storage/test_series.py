"""Names become ids: the same for everybody, within limits, in order, and with the last time stored."""

import threading

import numpy as np
import pytest

from batches import MONDAY, Envelope, Message, batch_of
from sens.domain.columns import NO_TIME, Kind
from sens.domain.reasons import Reason
from sens.storage.last_times import LastTimes
from sens.storage.series import SeriesIndex, SeriesKey, SeriesLimits
from sens.storage.sources import SourceTaken, resolve_sources
from store import Store


def key(device: str, metric: str = "t", unit: str = "", kind: Kind = Kind.NUMBER) -> SeriesKey:
    return SeriesKey(1, device, metric, unit, kind)


def index(max_devices: int = 100, max_series: int = 100) -> SeriesIndex:
    return SeriesIndex(SeriesLimits(max_devices, max_series), LastTimes())


def test_a_series_keeps_its_id_and_differs_by_each_part_of_its_key(store: Store) -> None:
    keys = [key("a"), key("b"), key("a", "u"), key("a", "t", "K"), key("a", "t", "", Kind.TEXT)]
    first = index().resolve(store.connection, keys)
    assert not first.refused
    assert len(set(first.ids.values())) == len(keys)
    assert index().resolve(store.connection, [*reversed(keys), keys[0]]).ids == first.ids
    assert store.one("SELECT count(*) FROM device") == 2


def test_nothing_asked_is_nothing_found(store: Store) -> None:
    resolution = index().resolve(store.connection, [])
    assert (resolution.ids, resolution.refused) == ({}, {})


def test_workers_that_meet_the_same_names_in_any_order_agree_and_never_deadlock(store: Store) -> None:
    keys = [key(f"d{d}", f"m{m}") for d in range(40) for m in range(10)]
    found, barrier = list[dict[SeriesKey, int]](), threading.Barrier(4)

    def work(seed: int) -> None:
        mine = [keys[i] for i in np.random.default_rng(seed).permutation(len(keys))]
        with store.connect() as connection:
            barrier.wait(10)
            for start in range(0, len(mine), 50):
                index().resolve(connection, mine[start : start + 50])
            found.append(index().resolve(connection, keys).ids)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 4
    assert all(ids == found[0] for ids in found)
    assert store.one("SELECT count(*) FROM series") == len(keys)


def test_the_limits_hold_over_calls_and_what_is_known_stays_usable(store: Store) -> None:
    limited = index(max_devices=2, max_series=2)
    first = limited.resolve(store.connection, [key("a"), key("b"), key("c"), key("a", "u"), key("a", "v")])
    assert set(first.ids) == {key("a"), key("b"), key("a", "u")}
    assert first.refused == {key("c"): Reason.TOO_MANY_DEVICES, key("a", "v"): Reason.TOO_MANY_SERIES}
    again = limited.resolve(store.connection, [key("d"), key("a"), key("b", "u"), key("a", "w")])
    assert again.ids[key("a")] == first.ids[key("a")]
    assert set(again.ids) == {key("a"), key("b", "u")}
    assert again.refused == {key("d"): Reason.TOO_MANY_DEVICES, key("a", "w"): Reason.TOO_MANY_SERIES}


def test_a_limit_counts_for_each_source_by_itself(store: Store) -> None:
    other = resolve_sources(store.connection, [("home", "plant-b")])["plant-b"]
    keys = [key("a"), SeriesKey(other, "a", "t", "", Kind.NUMBER)]
    resolution = index(max_devices=1).resolve(store.connection, keys)
    assert set(resolution.ids) == set(keys)


def test_a_name_that_cannot_be_stored_is_refused_without_stopping_the_others(store: Store) -> None:
    bad = {
        key("nul\0"): Reason.INVALID_NAME,
        key("a", "\ud800"): Reason.INVALID_NAME,
        key("x" * 1025): Reason.TOO_LONG,
        key("a", "é" * 513): Reason.TOO_LONG,
    }
    longest = key("ü" * 512, "x" * 1024, "y" * 1024)
    resolution = index().resolve(store.connection, [*bad, key("a"), longest])
    assert resolution.refused == bad
    assert set(resolution.ids) == {key("a"), longest}


def test_the_last_time_comes_with_the_series(store: Store) -> None:
    keys = [key("a"), key("a", "text", "", Kind.TEXT), key("b")]
    ids = index().resolve(store.connection, keys).ids
    number, text, new = (ids[k] for k in keys)
    store.writer().write(batch_of(Envelope([Message([(number, MONDAY + 3, 1.0), (text, MONDAY + 4, "x")])])))
    later = index()
    later.resolve(store.connection, keys)
    assert later.last_times.of(np.array([number, text, new], np.int32)).tolist() == [MONDAY + 3, MONDAY + 4, NO_TIME]


def test_a_sources_name_belongs_to_one_tenant(store: Store) -> None:
    ids = resolve_sources(store.connection, [("home", "plant-a"), ("home", "plant-b"), ("other", "plant-c")])
    assert ids["plant-a"] == 1
    assert len(set(ids.values())) == 3
    assert resolve_sources(store.connection, [("other", "plant-c")]) == {"plant-c": ids["plant-c"]}
    with pytest.raises(SourceTaken, match="plant-a belongs to tenant home"):
        resolve_sources(store.connection, [("other", "plant-a")])
    assert resolve_sources(store.connection, [(None, "plant-c"), (None, "new")])["plant-c"] == ids["plant-c"]
