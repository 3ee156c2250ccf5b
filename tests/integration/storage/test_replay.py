"""Replay: whatever is decoded again, rows are stored once and the ledger's `stored` is the number of rows."""

import random
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readings_database import DAY, HOUR, MINUTE, MONDAY, ReadingsDatabase
from sens.domain.batch import Batch, EnvelopeEntry, Outcome, Quarantined
from sens.domain.reasons import Reason
from sens.storage.connection import connect
from sens.storage.last_times import LastTimes
from sens.storage.ledger import read_books
from sens.storage.read_readings import Resolution, read_aggregates, read_raw
from sens.storage.reads import Reader
from sens.storage.replay import Replayed, replay, replay_message
from sens.storage.rollups import advance
from sens.storage.write import ReadingWriter


@dataclass
class Message:
    """Readings (series, time, value or text), or why there are none."""

    readings: Sequence[tuple[int, int, float | str]] = ()
    refused: Reason | None = None
    ignored: bool = False
    position: int | None = None

    @property
    def outcome(self) -> Outcome:
        if self.refused:
            return Outcome.QUARANTINED
        return Outcome.IGNORED if self.ignored else Outcome.DECODED


@dataclass
class House:
    """A database, a writer, and envelopes numbered from 1."""

    database: ReadingsDatabase
    writer: ReadingWriter = field(init=False)

    def __post_init__(self) -> None:
        self.writer = ReadingWriter(self.database.connection, LastTimes())

    def entry(self, number: int, messages: int) -> EnvelopeEntry:
        return EnvelopeEntry(
            id=number.to_bytes(16, "big"), source_id=self.database.source_id, session="0", epoch=b"epoch--1",
            sequence=number, received_at=MONDAY + number * 1000, total=number * messages,
        )  # fmt: skip

    def batch(self, envelopes: dict[int, list[Message]]) -> Batch:
        entries = [self.entry(number, len(messages)) for number, messages in envelopes.items()]
        flat = [(at, place, m) for at, ms in enumerate(envelopes.values()) for place, m in enumerate(ms)]
        readings = [(index, *reading) for index, (_, _, m) in enumerate(flat) for reading in m.readings]
        return Batch(
            envelopes=entries,
            message_envelope=np.array([at for at, _, _ in flat], np.int32),
            message_position=np.array([place if m.position is None else m.position for _, place, m in flat], np.int32),
            outcome=np.array([m.outcome for _, _, m in flat], np.uint8),
            received_at=np.array([entries[at].received_at + place for at, place, _ in flat], np.int64),
            retained=np.zeros(len(flat), np.bool_),
            topics=[b"t"] * len(flat),
            payloads=[b"p"] * len(flat),
            reading_message=np.array([index for index, *_ in readings], np.int32),
            series=np.array([series for _, series, _, _ in readings], np.int32),
            time=np.array([time for _, _, time, _ in readings], np.int64),
            value=np.array([0.0 if isinstance(v, str) else v for *_, v in readings], np.float64),
            texts={at: v for at, (*_, v) in enumerate(readings) if isinstance(v, str)},
            quarantined=[Quarantined(i, m.refused, "why") for i, (_, _, m) in enumerate(flat) if m.refused],
        )

    def write(self, envelopes: dict[int, list[Message]]) -> None:
        self.writer.write(self.batch(envelopes))

    def replay(self, envelopes: dict[int, list[Message]], *, overwrite: bool = False) -> Replayed:
        return replay(self.database.leader, self.batch(envelopes), overwrite=overwrite)

    def ledger(self, number: int) -> tuple[Any, ...] | None:
        """Messages decoded, ignored, quarantined; readings, stored, duplicate, conflict."""
        return self.database.connection.execute(
            "SELECT decoded, ignored, quarantined, readings, readings_stored, readings_duplicate, readings_conflict"
            " FROM ledger WHERE sequence = %s",
            (number,),
        ).fetchone()

    def rows(self) -> list[tuple[Any, ...]]:
        """(series, time after MONDAY, value) of everything stored."""
        micros = "round(extract(epoch FROM time) * 1000000)::bigint"
        query = f"SELECT series_id, {micros} - %s, value::text FROM {{}} ORDER BY 1, 2"
        return [
            row
            for table in ("reading", "reading_text")
            for row in self.database.connection.execute(query.format(table), (MONDAY,)).fetchall()
        ]

    def quarantine(self) -> list[tuple[Any, ...]]:
        """(position, reason, state)."""
        return self.database.connection.execute("SELECT position, reason, state FROM quarantine ORDER BY id").fetchall()

    def holds(self) -> bool:
        """Every envelope balances, and all that was counted as stored is there."""
        books = read_books(self.database.connection, None)
        stored = sum(account.readings.stored for account in books.accounts.values())
        return stored == len(self.rows()) and all(a.readings.balanced for a in books.accounts.values())


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    database = ReadingsDatabase(database_url)
    yield House(database)
    database.close()


def decoded(*values: float | str, series: int = 1, first: int = 0) -> Message:
    return Message([(series, MONDAY + first + n, value) for n, value in enumerate(values)])


def test_a_replay_that_decodes_the_same_changes_nothing(house: House) -> None:
    envelopes = {
        1: [decoded(1.0, 2.0), Message(ignored=True)],
        2: [decoded(2.0, 9.0, first=1), decoded("on", series=2)],
    }
    house.write(envelopes)
    before = [house.ledger(1), house.ledger(2), house.rows(), house.quarantine()]
    assert before[:2] == [(1, 1, 0, 2, 2, 0, 0), (2, 0, 0, 3, 2, 1, 0)]
    assert house.replay(envelopes) == Replayed(stored=0, same=5, conflict=0, overwritten=0)
    assert [house.ledger(1), house.ledger(2), house.rows(), house.quarantine()] == before
    assert house.holds()


def test_a_mended_decoder_stores_what_was_in_quarantine(house: House) -> None:
    house.write({1: [decoded(1.0), Message(refused=Reason.INVALID_SYNTAX), Message(refused=Reason.NO_ROUTE)]})
    assert house.replay({1: [decoded(1.0), decoded(5.0, first=7), Message(refused=Reason.NO_ROUTE)]}).stored == 1
    assert house.ledger(1) == (2, 0, 1, 2, 2, 0, 0)
    assert house.quarantine() == [(1, "invalid_syntax", 1), (2, "no_route", 0)]
    assert house.rows() == [(1, 0, "1"), (1, 7, "5")]
    assert house.holds()


def test_a_message_that_fails_again_opens_its_row_again_and_a_discarded_one_stays_discarded(house: House) -> None:
    bad = {1: [Message(refused=Reason.INVALID_SYNTAX), Message(refused=Reason.NO_ROUTE)]}
    house.write(bad)
    house.database.connection.execute("UPDATE quarantine SET state = 2 WHERE position = 1")
    house.replay({1: [decoded(1.0), Message(refused=Reason.NO_ROUTE)]})
    assert house.quarantine() == [(0, "invalid_syntax", 1), (1, "no_route", 2)]
    house.replay(bad)
    assert house.quarantine() == [(0, "invalid_syntax", 0), (1, "no_route", 2)]
    assert house.holds()


def test_readings_that_changed_are_conflicts(house: House) -> None:
    house.write({1: [decoded(1.0, 2.0)]})
    assert house.replay({1: [decoded(10.0, 2.0)]}) == Replayed(stored=0, same=1, conflict=1, overwritten=0)
    assert house.rows() == [(1, 0, "1"), (1, 1, "2")]
    assert house.ledger(1) == (1, 0, 0, 3, 2, 0, 1)
    assert house.quarantine() == [(0, "conflict", 0)]
    assert house.holds()


def test_readings_that_changed_are_replaced_when_that_is_asked_for(house: House) -> None:
    house.write({1: [decoded(1.0, 2.0), decoded("on", "off", series=2)]})
    house.replay({1: [decoded(10.0, 2.0), decoded("on", "out", series=2)]})
    assert house.quarantine() == [(0, "conflict", 0), (1, "conflict", 0)]
    envelopes = {1: [decoded(10.0, 2.0), decoded("on", "out", series=2)]}
    assert house.replay(envelopes, overwrite=True) == Replayed(stored=0, same=2, conflict=0, overwritten=2)
    assert house.rows() == [(1, 0, "10"), (1, 1, "2"), (2, 0, "on"), (2, 1, "out")]
    assert house.ledger(1) == (2, 0, 0, 4, 4, 0, 0)
    assert house.quarantine() == [(0, "conflict", 1), (1, "conflict", 1)]
    assert house.database.one("SELECT text FROM series_latest WHERE series_id = 2") == "out"
    assert house.holds()


def test_an_overwritten_closed_bucket_is_computed_again(house: House) -> None:
    house.write({1: [decoded(1.0, 2.0)]})
    advance(house.database.leader, MONDAY + DAY, MINUTE)
    house.replay({1: [decoded(10.0, 2.0, 4.0)]}, overwrite=True)
    advance(house.database.leader, MONDAY + DAY, MINUTE)
    assert house.database.connection.execute("SELECT count, sum FROM reading_10m").fetchall() == [(3, 16.0)]


def test_what_the_old_decoder_stored_under_other_names_stays_counted(house: House) -> None:
    house.write({1: [decoded(1.0, 2.0, series=1)]})
    house.replay({1: [decoded(1.0, 2.0, series=2)]})
    assert house.ledger(1) == (1, 0, 0, 4, 4, 0, 0)
    assert house.holds()


def test_an_envelope_that_the_database_lost_is_stored_by_a_replay(house: House) -> None:
    house.write({1: [decoded(1.0)]})
    house.replay({1: [decoded(1.0)], 2: [decoded(1.0), decoded(2.0, first=5), Message(ignored=True)]})
    assert house.ledger(2) == (2, 1, 0, 2, 1, 1, 0)
    assert house.database.one("SELECT value FROM series_latest WHERE series_id = 1") == 2.0
    assert house.holds()


def test_a_message_whose_envelope_is_purged_is_stored_from_its_quarantine_row(house: House) -> None:
    house.write({1: [decoded(1.0), Message(refused=Reason.INVALID_SYNTAX)]})
    id_ = house.database.one("SELECT id FROM quarantine")

    def again(message: Message) -> Replayed | None:
        message.position = 1
        return replay_message(house.database.leader, id_, house.batch({1: [message]}))

    assert again(Message(refused=Reason.INVALID_SYNTAX)) == Replayed(0, 0, 0, 0)
    assert house.quarantine() == [(1, "invalid_syntax", 0)]
    assert again(decoded(1.0, 2.0)) == Replayed(stored=1, same=1, conflict=0, overwritten=0)
    assert house.ledger(1) == (2, 0, 0, 3, 2, 1, 0)
    assert house.quarantine() == [(1, "invalid_syntax", 1)]
    assert again(decoded(1.0, 2.0)) is None
    assert house.holds()


def test_a_message_in_conflict_is_stored_from_its_quarantine_row(house: House) -> None:
    house.write({1: [decoded(1.0)], 2: [decoded(7.0, 8.0)]})
    assert house.ledger(2) == (1, 0, 0, 2, 1, 0, 1)
    id_ = house.database.one("SELECT id FROM quarantine")
    batch = house.batch({2: [decoded(7.0, 8.0)]})
    assert replay_message(house.database.leader, id_, batch) == Replayed(0, 1, 1, 0)
    assert (house.ledger(2), house.quarantine()) == ((1, 0, 0, 2, 1, 0, 1), [(0, "conflict", 0)])
    assert replay_message(house.database.leader, id_, batch, overwrite=True) == Replayed(0, 1, 0, 1)
    assert (house.ledger(2), house.quarantine()) == ((1, 0, 0, 2, 1, 1, 0), [(0, "conflict", 1)])
    assert house.rows() == [(1, 0, "7"), (1, 1, "8")]
    assert house.holds()


VALUES = st.one_of(st.sampled_from([1.0, 2.0]))
MESSAGES = st.one_of(
    st.just(Message(ignored=True)),
    st.just(Message(refused=Reason.NO_ROUTE)),
    st.lists(st.tuples(st.integers(1, 2), st.integers(MONDAY, MONDAY + 3), VALUES), max_size=4).map(Message),
)
ENVELOPES = st.dictionaries(st.integers(1, 4), st.lists(MESSAGES, min_size=2, max_size=2), min_size=1)
STEPS = st.lists(st.tuples(st.sampled_from(["write", "replay", "overwrite"]), ENVELOPES), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_the_ledger_holds_after_any_writes_and_replays(
    house: House, steps: list[tuple[str, dict[int, list[Message]]]]
) -> None:
    house.database.connection.execute("TRUNCATE reading, ledger, quarantine, late_mark, series_latest")
    house.writer = ReadingWriter(house.database.connection, LastTimes())
    for action, envelopes in steps:
        if action == "write":
            house.write(envelopes)
        else:
            house.replay(envelopes, overwrite=action == "overwrite")
        assert house.holds()
        open_ = {
            (id_, place)
            for id_, place in house.database.connection.execute(
                "SELECT envelope_id, position FROM quarantine WHERE reason = 'no_route' AND state = 0"
            ).fetchall()
        }
        assert len(open_) == house.database.one("SELECT coalesce(sum(quarantined), 0) FROM ledger")


async def test_charts_are_exact_while_the_worker_writes_and_replays_and_the_leader_moves_on(house: House) -> None:
    """The worker's own transaction against the leader's: every answer equals the raw readings of its snapshot."""
    stop = threading.Event()

    def work() -> None:
        chance = random.Random(1)
        with connect(house.database.writer_url, application_name="test", autocommit=True) as connection:
            writer, number = ReadingWriter(connection, LastTimes()), 0
            while not stop.is_set():
                number += 1
                times = [MONDAY + chance.randrange(3 * HOUR) for _ in range(5)]
                message = Message([(1, time, float(chance.randrange(9))) for time in times])
                writer.write(house.batch({number: [message]}))
                if number % 5 == 0:
                    changed = Message([(1, time, 20.0) for time in times])
                    replay(connection, house.batch({number: [changed]}), overwrite=True)

    def lead() -> None:
        now = MONDAY
        while not stop.is_set():
            now += MINUTE
            advance(house.database.leader, now, MINUTE)

    threads = [threading.Thread(target=work), threading.Thread(target=lead)]
    for thread in threads:
        thread.start()
    try:
        await _compare_charts(house)
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
    assert house.holds()


async def _compare_charts(house: House) -> None:
    async with Reader(house.database.reader_url) as reader, reader.connection() as connection:
        for _ in range(100):
            async with connection.transaction():
                await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                chart = await read_aggregates(connection, 1, MONDAY, MONDAY + 3 * HOUR, Resolution.HOUR, limit=10)
                raw = await read_raw(connection, 1, MONDAY, MONDAY + 3 * HOUR, limit=10_000)
            hours, counts = np.unique(raw.time // HOUR * HOUR, return_counts=True)
            sums = [raw.value[raw.time // HOUR * HOUR == hour].sum() for hour in hours]
            assert (chart.time.tolist(), chart.count.tolist()) == (hours.tolist(), counts.tolist())
            assert (chart.mean * chart.count).tolist() == pytest.approx(sums)
