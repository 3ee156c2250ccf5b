"""Replaying on request: envelopes that the log has, and messages of which only quarantine has the bytes."""

import time
from dataclasses import replace

import pytest

import envelopes
from envelopes import envelope, publish
from sens.decoding.messages import Arrival
from sens.domain.envelope import EnvelopeKind, unpack
from sens.stream.raw import RawStream
from sens.stream.replay import ReplayReply, ReplayRequest, ask_replay
from sens.stream.streamlog import call
from sens.telemetry_worker import worker as worker_module
from sens.telemetry_worker.replaying import Replayer
from telemetry import CONFIGURATION, House, write

WRONG = CONFIGURATION.replace("decoder: json", "decoder: influx")
DAY = 86_400_000_000
GOOD = publish("s/alice/t", b'{"t": 1}')


@pytest.fixture(autouse=True)
def received_today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelopes, "RECEIVED_AT", time.time_ns() // 1000)


class Replays:
    """The log, and a worker that answers requests for replays."""

    def __init__(self, house: House, raw: RawStream) -> None:
        self.house = house
        self.raw = raw

    async def log(self, arrival: Arrival) -> Arrival:
        tail = await self.raw.last(arrival.subject)
        sequence = await self.raw.publish(arrival.subject, arrival.data, expect_last=tail.sequence if tail else 0)
        return replace(arrival, sequence=sequence)

    async def purge(self) -> None:
        await call(self.raw.connection, f"STREAM.PURGE.{self.raw.name}", {}, dict)

    async def ask(self, request: ReplayRequest, configuration: str = CONFIGURATION) -> ReplayReply:
        replayer = Replayer(self.raw.connection, self.raw, self.house.worker(configuration, self.raw))
        await replayer.open()
        try:
            return await ask_replay(self.raw.connection, request)
        finally:
            await replayer.close()


@pytest.fixture
def replays(house: House, raw: RawStream) -> Replays:
    return Replays(house, raw)


def id_of(arrival: Arrival) -> str:
    return unpack(arrival.data).id.hex()


async def test_a_range_is_replayed_from_the_log(house: House, replays: Replays) -> None:
    write(house.worker(WRONG), await replays.log(envelope(GOOD, publish("s/bob/t", b'{"t": 2}'))))
    assert house.ledger() == [(0, 0, 2, 0, 0)]
    reply = await replays.ask(ReplayRequest())
    assert (reply.envelopes, reply.messages, reply.stored, reply.quarantined) == (1, 2, 2, 0)
    assert house.ledger() == [(2, 0, 0, 2, 2)]
    assert house.readings() == house.latest() == [("alice", 1.0), ("bob", 2.0)]
    assert {state for *_, state in house.quarantine()} == {1}


async def test_after_a_purge_messages_are_replayed_from_their_rows_and_only_those_that_are_named(
    house: House, replays: Replays
) -> None:
    arrival = await replays.log(envelope(GOOD, publish("s/bob/t", b'{"t": 2}')))
    write(house.worker(WRONG), arrival)
    await replays.purge()
    (first,), (second,) = house.rows("SELECT id FROM quarantine ORDER BY position")
    reply = await replays.ask(ReplayRequest(envelope_ids=[id_of(arrival)], quarantine_ids=[second]))
    assert (reply.messages, reply.stored) == (1, 1)
    assert house.readings() == [("bob", 2.0)]
    assert house.rows("SELECT id, state FROM quarantine ORDER BY id") == [(first, 0), (second, 1)]
    reply = await replays.ask(ReplayRequest(envelope_ids=[id_of(arrival)]))
    assert (reply.messages, reply.stored) == (1, 1)
    assert house.ledger() == [(2, 0, 0, 2, 2)]


async def test_a_message_that_was_cut_is_never_decoded_from_its_row(house: House, replays: Replays) -> None:
    cut = await replays.log(envelope(publish("p/alice/text", b"1" * 50)[:40], kind=EnvelopeKind.STUB))
    no_envelope = await replays.log(replace(cut, data=b"p/alice/text 1"))
    write(house.worker(), cut, no_envelope)
    await replays.purge()
    ids = [id_.hex for (id_,) in house.rows("SELECT envelope_id FROM quarantine")]
    reply = await replays.ask(ReplayRequest(envelope_ids=ids))
    assert (reply.messages, reply.quarantined, reply.stored) == (2, 2, 0)
    assert {(reason, state) for _, reason, state in house.quarantine()} == {("oversize", 0), ("invalid_envelope", 0)}
    assert house.rows("SELECT FROM series") == []


async def test_a_retained_message_without_a_time_is_old_news_also_from_its_row(house: House, replays: Replays) -> None:
    arrival = await replays.log(envelope(publish("s/alice/t", b'{"t": 7}', retain=True)))
    write(house.worker(WRONG), arrival)
    await replays.purge()
    await replays.ask(ReplayRequest(envelope_ids=[id_of(arrival)]))
    assert house.readings() == []
    assert house.ledger() == [(0, 1, 0, 0, 0)]
    assert house.quarantine() == [(0, "invalid_syntax", 1)]


async def test_what_retention_has_overtaken_stays_as_it_was_counted(
    house: House, replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = CONFIGURATION + "retention: {raw: 1d}\n"
    write(house.worker(configuration), await replays.log(envelope(GOOD, publish("nowhere", b"1"))))
    before = (house.ledger(), house.quarantine())
    now = time.time_ns() // 1000
    monkeypatch.setattr(worker_module, "now_us", lambda: now + 2 * DAY)
    unknown = await replays.log(envelope(publish("s/bob/t", b'{"t": 2}')))
    reply = await replays.ask(ReplayRequest(), configuration)
    assert (reply.expired, reply.envelopes, reply.quarantined) == (1, 1, 1)
    assert house.ledger()[:1] == before[0]
    assert house.quarantine()[:1] == before[1]
    assert house.rows("SELECT reason FROM quarantine WHERE envelope_id = %s", [id_of(unknown)]) == [
        ("older_than_retention",)
    ]


async def test_a_message_in_conflict_whose_readings_expired_stays_decoded(
    house: House, replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = CONFIGURATION + "retention: {raw: 1d}\n"
    arrival = envelope(GOOD, publish("s/alice/t", b'{"t": 2, "time": 0}'))
    write(house.worker(configuration), arrival)
    house.connection.execute("UPDATE quarantine SET reason = 'conflict'")
    before = (house.ledger(), house.quarantine())
    now = time.time_ns() // 1000
    monkeypatch.setattr(worker_module, "now_us", lambda: now + 2 * DAY)
    reply = await replays.ask(ReplayRequest(envelope_ids=[id_of(arrival)]), configuration)
    assert (reply.expired, reply.messages) == (len(before[1]), 0)
    assert (house.ledger(), house.quarantine()) == before


async def test_a_replay_does_not_count_again_what_did_not_fit_into_quarantine(house: House, replays: Replays) -> None:
    configuration = CONFIGURATION.replace("broker:", "limits: {quarantine_max_rows: 2}\n    broker:")
    write(house.worker(configuration), await replays.log(envelope(*[publish("nowhere", b"1")] * 5)))
    overflow = house.rows("SELECT reason, topic, count FROM quarantine_overflow")
    assert overflow == [("no_route", b"nowhere", 3)]
    assert (await replays.ask(ReplayRequest(), configuration)).quarantined == 5
    assert house.rows("SELECT reason, topic, count FROM quarantine_overflow") == overflow
    assert house.ledger() == [(0, 0, 5, 0, 0)]


async def test_the_newest_value_stays_also_when_the_log_has_lost_the_envelopes_of_older_ones(
    house: House, replays: Replays
) -> None:
    timed = CONFIGURATION.replace("decoder: json}", "decoder: json, time: {field: at, format: auto}}")
    at = time.time_ns() // 1_000_000_000
    old = await replays.log(envelope(publish("s/alice/t", b'{"t": 1, "at": %d}' % at)))
    write(house.worker(WRONG), old)
    await replays.purge()
    new = await replays.log(envelope(publish("s/alice/t", b'{"t": 2, "at": %d}' % at)))
    write(house.worker(WRONG), new)
    await replays.ask(ReplayRequest(envelope_ids=[id_of(old), id_of(new)], overwrite=True), timed)
    assert house.readings() == [("alice", 2.0)]
