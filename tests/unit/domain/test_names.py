import pytest

from sens.domain.names import unusable_name


@pytest.mark.parametrize("name", ["a", " a ", "motor/rpm", "Kühlung 3", "°C", "x" * 255, "\u200b"])
def test_a_name_may_hold_all_that_can_be_printed(name: str) -> None:
    assert unusable_name(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is empty"),
        (" \u00a0", "is empty"),
        ("a\0", "control"),
        ("a\n", "control"),
        ("\x7f", "control"),
        ("a\x9b", "control"),
        ("x" * 256, "longer than 255"),
    ],
)
def test_an_unusable_name_is_told_why(name: str, why: str) -> None:
    assert why in (unusable_name(name) or "")
