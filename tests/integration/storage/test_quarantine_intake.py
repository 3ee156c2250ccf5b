"""A source's quarantine has a cap: settled messages make room, open ones stay, the rest is counted."""

from collections.abc import Sequence

import pytest

from batches import MONDAY
from sens.domain.reasons import Reason
from sens.storage import quarantine_intake
from sens.storage.quarantine_intake import Entry, Intake, QuarantineIntake, QuarantineLimits, same_limits
from store import Store, at


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def entry(
    position: int,
    *,
    source_id: int = 1,
    payload: bytes = b"",
    topic: bytes = b"t",
    reason: Reason = Reason.INVALID_SYNTAX,
) -> Entry:
    return Entry(source_id, b"0123456789abcdef", position, MONDAY + position, topic, payload, reason, "detail")


def kept(store: Store) -> list[int]:
    return [position for (position,) in store.rows("SELECT position FROM quarantine ORDER BY id")]


def take(store: Store, intake: QuarantineIntake, entries: Sequence[Entry]) -> Intake:
    with store.connection.transaction():
        return intake.take(store.connection, entries)


def test_what_does_not_fit_is_counted_with_one_sample_a_topic_and_reason(store: Store) -> None:
    intake = QuarantineIntake(same_limits(QuarantineLimits(max_rows=2)))
    assert take(store, intake, [entry(0), entry(1)]) == (2, 0)
    more = [entry(2, payload=b"first"), entry(3, payload=b"second"), entry(4, topic=b"u")]
    assert take(store, intake, [*more, entry(5, reason=Reason.CONFLICT)]) == (0, 4)
    assert take(store, intake, [entry(6)]) == (0, 1)
    assert kept(store) == [0, 1]
    assert store.rows(
        "SELECT reason, topic, count, first_at, last_at, sample FROM quarantine_overflow ORDER BY reason, topic"
    ) == [
        ("conflict", b"t", 1, at(MONDAY + 5), at(MONDAY + 5), b""),
        ("invalid_syntax", b"t", 3, at(MONDAY + 2), at(MONDAY + 6), b"first"),
        ("invalid_syntax", b"u", 1, at(MONDAY + 4), at(MONDAY + 4), b""),
    ]


def test_the_oldest_settled_messages_make_room_and_open_ones_never_do(store: Store) -> None:
    intake = QuarantineIntake(same_limits(QuarantineLimits(max_rows=4)))
    take(store, intake, [entry(position) for position in range(4)])
    store.connection.execute("UPDATE quarantine SET state = position WHERE position IN (1, 2)")
    assert take(store, intake, [entry(4)]) == (1, 0)
    assert kept(store) == [0, 2, 3, 4]
    assert take(store, intake, [entry(5), entry(6)]) == (1, 1)
    assert kept(store) == [0, 3, 4, 5]


def test_the_cap_is_in_bytes_too(store: Store) -> None:
    intake = QuarantineIntake(same_limits(QuarantineLimits(max_bytes=100)))
    assert take(
        store, intake, [entry(0, payload=bytes(59)), entry(1, payload=bytes(59)), entry(2, payload=bytes(39))]
    ) == (
        2,
        1,
    )
    store.connection.execute("UPDATE quarantine SET state = 2 WHERE position = 0")
    assert take(store, intake, [entry(3, payload=bytes(49))]) == (1, 0)
    assert kept(store) == [2, 3]


def test_each_source_has_a_cap_of_its_own(store: Store) -> None:
    store.connection.execute("INSERT INTO source (tenant_id, name) VALUES (1, 'plant-b')")
    intake = QuarantineIntake(same_limits(QuarantineLimits(max_rows=1)))
    entries = [entry(0), entry(1, source_id=2), entry(2), entry(3, source_id=2)]
    assert take(store, intake, entries) == (2, 2)
    assert sorted(kept(store)) == [0, 1]


def test_totals_are_read_once_in_a_while_and_again_after_a_rollback(store: Store) -> None:
    clock = Clock()
    intake = QuarantineIntake(same_limits(QuarantineLimits(max_rows=1)), clock)
    take(store, intake, [entry(0)])
    store.connection.execute("DELETE FROM quarantine")
    assert take(store, intake, [entry(1)]) == (0, 1)  # still believes it is full
    clock.now += quarantine_intake.REFRESH_S + 1
    assert take(store, intake, [entry(2)]) == (1, 0)
    store.connection.execute("DELETE FROM quarantine")
    intake.forget()
    assert take(store, intake, [entry(3)]) == (1, 0)


def test_a_new_worker_goes_by_what_is_there(store: Store) -> None:
    limits = QuarantineLimits(max_rows=2)
    take(store, QuarantineIntake(same_limits(limits)), [entry(0), entry(1)])
    assert take(store, QuarantineIntake(same_limits(limits)), [entry(2)]) == (0, 1)


def test_topics_that_never_repeat_do_not_grow_the_count_without_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine_intake, "MAX_OVERFLOW_TOPICS", 3)
    intake = QuarantineIntake(same_limits(QuarantineLimits(max_rows=0)))
    for intake_ in (intake, QuarantineIntake(same_limits(QuarantineLimits(max_rows=0)))):
        start = 0 if intake_ is intake else 5
        take(store, intake_, [entry(n, topic=f"topic/{n}".encode()) for n in range(start, start + 5)])
    take(store, intake, [entry(20, topic=b"topic/1"), entry(21, topic=b"x" * 60_000)])
    assert store.rows("SELECT topic, count FROM quarantine_overflow ORDER BY topic") == [
        (b"", 8),
        (b"topic/0", 1),
        (b"topic/1", 2),
        (b"topic/2", 1),
    ]


def test_an_endless_topic_is_counted_under_its_beginning(store: Store) -> None:
    take(
        store,
        QuarantineIntake(same_limits(QuarantineLimits(max_rows=0))),
        [entry(0, topic=b"x" * 60_000, payload=bytes(100_000))],
    )
    assert store.rows("SELECT octet_length(topic), octet_length(sample) FROM quarantine_overflow") == [(1024, 65_536)]


def test_a_message_that_is_there_already_is_not_there_twice(store: Store) -> None:
    intake = QuarantineIntake(same_limits(QuarantineLimits()))
    take(store, intake, [entry(0)])
    take(store, intake, [entry(0), entry(0, reason=Reason.CONFLICT)])
    assert kept(store) == [0, 0]
