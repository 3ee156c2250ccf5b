"""Cutting batches: what stays keeps its place in every column."""

import numpy as np

from batches import Envelope, Message, batch_of
from sens.domain.batch import Outcome, Quarantined
from sens.domain.batch_ops import keep_envelopes, quarantine_messages
from sens.domain.reasons import Reason

A = Envelope([Message([(1, 10, 1.0), (2, 10, "on")]), Message(refused=(Reason.INVALID_SYNTAX, "x"))])
B = Envelope([Message(ignored=True), Message([(2, 20, "off"), (1, 20, 2.0)], topic=b"b")])
C = Envelope([Message([(1, 30, 3.0)]), Message(refused=(Reason.NO_ROUTE, "y"))])


def test_keeping_some_envelopes_equals_a_batch_of_only_those() -> None:
    for keep in ((True, False, True), (False, True, True), (False, False, False), (True, True, True)):
        kept = [e for e, k in zip((A, B, C), keep, strict=True) if k]
        cut, expected = keep_envelopes(batch_of(A, B, C), np.array(keep)), batch_of(*kept)
        assert cut.envelopes == expected.envelopes
        for column in ("message_envelope", "message_position", "outcome", "received_at"):
            np.testing.assert_array_equal(getattr(cut, column), getattr(expected, column))
        for column in ("reading_message", "series", "time", "value"):
            np.testing.assert_array_equal(getattr(cut, column), getattr(expected, column))
        assert (cut.topics, cut.payloads, cut.texts) == (expected.topics, expected.payloads, expected.texts)
        assert cut.quarantined == expected.quarantined


def test_quarantining_a_message_takes_out_its_readings_and_no_others() -> None:
    refused = Quarantined(0, Reason.REFUSED_BY_DATABASE, "no")
    cut = quarantine_messages(batch_of(A, B), [refused])
    assert cut.outcome.tolist() == [Outcome.QUARANTINED, Outcome.QUARANTINED, Outcome.IGNORED, Outcome.DECODED]
    assert cut.reading_message.tolist() == [3, 3]
    assert cut.texts == {0: "off"}
    assert cut.time.tolist() == [20, 20]
    assert [q.message for q in cut.quarantined] == [1, 0]
