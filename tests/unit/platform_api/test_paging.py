"""Pages and their cursors."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sens.platform_api.paging import NamePart, RowId, cut, parse_cursor
from sens.platform_api.problems import ProblemError

DEVICE = tuple[NamePart, RowId]


@given(
    st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=255),
    st.integers(0, 2**31 - 1),
)
def test_a_cursor_comes_back_as_it_was_made(name: str, row: int) -> None:
    page, cursor = cut([(name, row), ("more", 1)], 1, lambda each: each)
    assert page == [(name, row)]
    assert parse_cursor(cursor, DEVICE) == (name, row)


def test_the_last_page_has_no_cursor() -> None:
    assert cut([1, 2], 2, lambda each: each) == ([1, 2], None)
    assert cut([], 2, lambda each: each) == ([], None)
    assert parse_cursor(None, RowId) is None


@given(st.text(max_size=60))
def test_any_text_is_a_cursor_or_a_problem(text: str) -> None:
    key = ("", 0)
    with suppress(ProblemError):
        key = parse_cursor(text, DEVICE)
    assert "\0" not in key[0]
    assert key[1] >= 0


@pytest.mark.parametrize("cursor", ["WyJcdTAwMDAiLDFd", "WyJhIiwtMV0", "WyJhIiwxLDJd", "", "WyJhIiw0Mjk0OTY3Mjk2XQ"])
def test_cursors_that_postgresql_could_not_take_are_refused(cursor: str) -> None:
    with pytest.raises(ProblemError, match="no cursor of this list"):
        parse_cursor(cursor, DEVICE)
