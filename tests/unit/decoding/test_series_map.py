"""What is remembered of series: enough to ask seldom, never more than the limits."""

from collections.abc import Sequence

import pytest

from sens.decoding import series_map
from sens.decoding.routes import Route
from sens.decoding.series_map import SeriesMap
from sens.domain.columns import Field, Kind, Rejection, Shape
from sens.domain.reasons import Reason
from sens.storage.series import SeriesKey

ROUTE = Route(0, 1, "boiler", "", None)


class Database:
    """Numbers series as they are asked for."""

    def __init__(self) -> None:
        self.ids: dict[SeriesKey, int] = {}
        self.asked = list[SeriesKey]()

    def resolve(self, keys: Sequence[SeriesKey]) -> list[int | Rejection]:
        self.asked += keys
        refused = Rejection(Reason.TOO_MANY_SERIES, "full")
        return [refused if key.metric == "bad" else self.ids.setdefault(key, len(self.ids)) for key in keys]


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def series(database: Database) -> SeriesMap:
    return SeriesMap(database.resolve)


def shape(*metrics: str) -> Shape:
    return Shape(tuple(Field(None, metric, "", Kind.NUMBER) for metric in metrics))


def ids(series: SeriesMap, one: Shape) -> list[int]:
    return series.gather(series.entries([ROUTE], [one]))[0].tolist()


def test_known_fields_in_another_order_are_not_asked_for_again(series: SeriesMap, database: Database) -> None:
    assert ids(series, shape("a", "b", "c")) == [0, 1, 2]
    assert ids(series, shape("c", "a", "d", "b")) == [2, 0, 3, 1]
    assert [key.metric for key in database.asked] == ["a", "b", "c", "d"]


def test_a_refused_series_is_not_asked_for_again(series: SeriesMap, database: Database) -> None:
    for one in (shape("a", "bad"), shape("bad", "a")):
        assert list(series.refused(series.entries([ROUTE], [one]))) == [0]
    assert len(database.asked) == 2


def test_few_entries_of_many_fields_are_forgotten_as_well(
    series: SeriesMap, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series_map, "MAX_PARTS", 10 * (1 + series_map.PARTS_PER_FIELD))
    monkeypatch.setattr(series_map, "MAX_KEYS", 8)
    names = [f"m{n}" for n in range(5)]
    for turn in range(20):
        turned = names[turn % 5 :] + names[: turn % 5]
        assert ids(series, shape(*turned)) == [int(name[1:]) for name in turned]
        assert len(series._entries) <= 3  # pyright: ignore[reportPrivateUsage]
    assert len(database.asked) == 5
