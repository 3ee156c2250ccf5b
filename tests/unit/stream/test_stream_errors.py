"""What JetStream answers becomes what the caller does next."""

import pytest

from sens.domain.errors import Fatal, Reject, Retry
from sens.domain.reasons import Reason
from sens.stream.errors import (
    PayloadTooLarge,
    SequenceMismatch,
    StreamAway,
    StreamFull,
    StreamMissing,
    StreamRefused,
    from_api,
)


@pytest.mark.parametrize(
    ("code", "error_code", "description", "expected"),
    [
        (400, 10071, "wrong last sequence: 5", SequenceMismatch),
        (400, 10164, "wrong last sequence", SequenceMismatch),
        (503, 10077, "maximum bytes exceeded", StreamFull),
        (500, 10047, "insufficient storage resources available", StreamFull),
        (503, 10023, "insufficient resources", StreamFull),
        (400, 10002, "resource limits exceeded for account", StreamFull),
        (404, 10059, "stream not found", StreamMissing),
        (404, 10014, "consumer not found", StreamMissing),
        (503, 10008, "JetStream system temporarily unavailable", StreamAway),
        (503, 10163, "expected last sequence per subject temporarily unavailable", StreamAway),
        (503, 10039, "JetStream not enabled for account", StreamRefused),
        (400, 10065, "subjects overlap with an existing stream", StreamRefused),
        (500, 10074, "replicas > 1 not supported in non-clustered mode", StreamRefused),
    ],
)
def test_each_answer_has_its_place_in_the_tree_and_keeps_its_text(code, error_code, description, expected):
    error = from_api(code, error_code, description)
    assert type(error) is expected
    assert description in str(error)
    assert str(error_code) in str(error)


def test_the_tree_says_what_to_do_next():
    assert all(issubclass(each, Retry) for each in (StreamAway, StreamFull, StreamMissing, SequenceMismatch))
    assert issubclass(StreamRefused, Fatal)
    too_large = PayloadTooLarge(10, 5)
    assert isinstance(too_large, Reject)
    assert too_large.reason is Reason.OVERSIZE
