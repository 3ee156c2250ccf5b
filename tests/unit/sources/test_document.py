"""YAML becomes plain values with their places, and a mistake in the YAML is told with what to write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sens.sources.document import MAX_DEPTH, InvalidYaml, read
from sens.sources.problems import Position


def refused(text: str) -> InvalidYaml:
    with pytest.raises(InvalidYaml) as raised:
        read(text)
    return raised.value


def test_values_are_plain_and_yaml_1_2() -> None:
    document = read("{a: [1, -0x1f, 1_000, 1.5, .inf, true, null, ~, yes, 2024-01-01, '1'], 3: x, <<: y}")
    assert document.value == {
        "a": [1, -31, 1000, 1.5, float("inf"), True, None, None, "yes", "2024-01-01", "1"],
        "3": "x",
        "<<": "y",
    }
    assert document.findings == []


def test_each_value_and_key_knows_its_line_and_column() -> None:
    document = read("a: 1\nb:\n  - c: x\n  - d\n")
    assert document.position(("b", 0, "c")) == Position(3, 8)
    assert document.position(("b", 0, "c"), at_key=True) == Position(3, 5)
    assert document.position(("b", 1)) == Position(4, 5)


def test_the_place_of_what_is_missing_is_the_nearest_thing_around_it() -> None:
    document = read("a:\n  b: {c: 1}\n")
    assert document.position(("a", "b", "x", 3)) == Position(2, 6)
    assert document.position(("z",)) == Position(1, 1)
    assert read("").position(("z",)) == Position(1, 1)


def test_of_a_key_given_twice_the_first_counts_and_the_second_is_found() -> None:
    document = read("a: 1\nb: 2\na: 3\n")
    [finding] = document.findings
    assert document.value == {"a": 1, "b": 2}
    assert finding.position == Position(3, 1)
    assert "first in line 1" in finding.message


@pytest.mark.parametrize(
    ("text", "position", "hint"),
    [
        ("a:\n\t- b\n", (2, 1), "with spaces"),
        ("a: {device}/x\n", (1, 12), '"{device}/telemetry"'),
        ("a:\n  - {device}/x\n", (2, 13), '"{device}/telemetry"'),
        ("a: b: c\n", (1, 5), "colon in quotes"),
        ("a: *x\n", (1, 4), "begins with *"),
        ("a: @x\n", (1, 4), "in quotes"),
        ("a: 1\n--- b\n", (2, 1), "without ---"),
        ("a: [1\nb: 2\n", (2, 2), "missing bracket"),
        ("a: 1\nb: \x01\n", (2, 4), "remove it"),
        ("? [a]\n: b\n", (1, 3), "in quotes"),
        ("&a [*a]\n", (1, 1), "levels deep"),
        ("[" * 5000, (1, 1), "levels"),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_place_and_a_hint(text: str, position: tuple[int, int], hint: str) -> None:
    error = refused(text)
    assert error.position == position
    assert hint in error.hint


def test_aliases_cannot_make_a_small_file_take_all_memory() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "too many" in refused("\n".join(lines)).message


def test_nesting_has_a_limit() -> None:
    assert read("[" * MAX_DEPTH + "]" * MAX_DEPTH).findings == []
    assert "too deeply" in refused("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2)).message


@pytest.mark.parametrize("text", ["a: !x b", "a: !!int b", "a: !!binary b", '"\\ud800"'])
def test_a_value_that_no_configuration_needs_is_found(text: str) -> None:
    document = read(text)
    [finding] = document.findings
    assert finding.position is not None
    assert finding.hint


@given(st.text(max_size=100))
def test_any_text_is_read_or_refused(text: str) -> None:
    refusal = None
    try:
        read(text)
    except InvalidYaml as error:
        refusal = error
    assert refusal is None or (refusal.position >= (1, 1) and refusal.message)
