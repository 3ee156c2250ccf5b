"""SQL files are read by name, and a slip in one is noticed."""

from importlib.resources import files

import pytest

from sens.storage.queries import load, parse_queries


def test_each_query_is_found_under_its_name() -> None:
    text = "-- about\n\n-- name: one\nSELECT 1;\n\n-- name: two\n-- why\nSELECT 2;\n"
    assert parse_queries(text) == {"one": "SELECT 1;", "two": "-- why\nSELECT 2;"}


def test_what_queries_have_in_common_stands_once_and_is_no_query_itself() -> None:
    some, one = "-- part: some\nFROM t\nWHERE x\n", "-- name: a\nSELECT y\n  -- include: some\n  AND z\n"
    text = f"{some}\n{one}\n-- name: b\n-- include: some\n"
    assert parse_queries(text) == {"a": "SELECT y\nFROM t\nWHERE x\n  AND z", "b": "FROM t\nWHERE x"}


def test_a_part_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="no part a"):
        parse_queries("-- name: a\nSELECT 1\n\n-- name: b\n-- include: a")


@pytest.mark.parametrize(
    "text", ["-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;", "-- name: a\n\n-- name: b\nSELECT 1;"]
)
def test_a_name_that_stands_twice_or_has_no_sql_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="query a"):
        parse_queries(text)


def test_every_file_that_ships_can_be_loaded() -> None:
    names = [path.name.removesuffix(".sql") for path in files("sens.storage").joinpath("sql").iterdir()]
    assert names
    assert all(load(name) for name in names)
