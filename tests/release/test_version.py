"""Versions: what is one, their order, and the one place of the next."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.refusal import Refusal
from release.version import Kind, Version, is_version, next_version, parse, with_next_version

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = st.integers(0, 10**6)
CORES = st.tuples(NUMBERS, NUMBERS, NUMBERS)
VERSIONS = st.one_of(
    st.builds(Version, CORES),
    st.builds(Version, CORES, st.just(Kind.RC), st.tuples(NUMBERS)),
    st.builds(Version, CORES, st.just(Kind.ALPHA), st.tuples(NUMBERS) | st.tuples(NUMBERS, NUMBERS)),
)
ASCENDING = (
    "0.4.9",
    "0.5.0-alpha.1",
    "0.5.0-alpha.1.1",
    "0.5.0-alpha.9.2",
    "0.5.0-alpha.9.10",
    "0.5.0-alpha.123",
    "0.5.0-alpha.123.1",
    "0.5.0-rc.2",
    "0.5.0-rc.10",
    "0.5.0",
    "0.5.1-alpha.1",
    "0.10.0",
    "1.0.0",
)


@given(VERSIONS)
def test_a_version_is_read_as_it_is_written(version: Version) -> None:
    assert parse(str(version)) == version


def test_versions_are_ordered_by_their_numbers_not_by_their_letters() -> None:
    versions = [parse(text) for text in ASCENDING]
    assert all(lower < higher for lower, higher in itertools.combinations(versions, 2))


@pytest.mark.parametrize(
    "text",
    [
        *("latest", "main", "", "v0.5.0", "0.5", "0.5.0.1", "00.5.0", "0.05.0", "0.5.0-alpha", "0.5.0-alpha.01"),
        *("0.5.0-alpha.1.2.3", "0.5.0-rc.1.1", "0.5.0-rc", "0.5.0-beta.1", "0.5.0+build", "0.5.0 ", "0.5.0\n", "٠.5.0"),
        "0.5.0-alpha.123.1-dirty",
    ],
)
def test_nothing_else_is_a_version(text: str) -> None:
    assert not is_version(text)
    with pytest.raises(Refusal, match="name one like"):
        parse(text)


def test_a_build_is_named_by_its_run_and_attempt_and_leads_to_the_next_version() -> None:
    alpha = parse("0.5.0").alpha(123, 1)
    assert str(alpha) == "0.5.0-alpha.123.1"
    assert str(alpha.stable) == "0.5.0"
    assert str(alpha.stable.bumped()) == "0.6.0"


def test_the_next_version_stands_in_one_place_and_is_changed_there_alone() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    version = next_version(project)
    bumped = with_next_version(project, version.bumped())
    assert next_version(bumped) == version.bumped()
    different = [(old, new) for old, new in zip(project.splitlines(), bumped.splitlines(), strict=True) if old != new]
    assert different == [(f'version = "{version}"', f'version = "{version.bumped()}"')]


def test_a_next_version_that_is_not_stable_is_refused() -> None:
    with pytest.raises(Refusal, match=r"write 0\.5\.0"):
        next_version('[project]\nversion = "0.5.0-rc.1"\n')
