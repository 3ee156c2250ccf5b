"""Errors are sorted by what the caller does next; reasons are stable codes with a text for people."""

import re

import pytest

from sens.domain.errors import Fatal, Reject, Retry, SensError
from sens.domain.reasons import IgnoreReason, Reason


@pytest.mark.parametrize("kind", [Retry, Reject, Fatal])
def test_an_error_is_exactly_one_of_retry_reject_and_fatal(kind: type[SensError]) -> None:
    assert [each for each in (Retry, Reject, Fatal) if issubclass(kind, each)] == [kind]
    assert issubclass(kind, SensError)


def test_a_rejection_bears_its_reason() -> None:
    error = Reject(Reason.TOO_DEEP, "level 17")
    assert (error.reason, error.detail, str(error)) == (Reason.TOO_DEEP, "level 17", "too_deep: level 17")


def test_reasons_are_codes_that_come_back_from_where_they_are_stored() -> None:
    for reason in Reason:
        assert re.fullmatch(r"[a-z_]+", reason.value)
        assert Reason(reason.value) is reason
        assert reason == str(reason) == reason.value
        assert reason.text.endswith(".")
    assert {reason.value for reason in IgnoreReason} == {"declared", "retained"}
