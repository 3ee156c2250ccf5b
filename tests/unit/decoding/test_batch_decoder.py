"""What becomes of each message of a batch."""

from collections.abc import Sequence

import numpy as np
import pytest

from envelopes import RECEIVED_AT, envelope, publish
from sens.decoders.registry import DECODERS
from sens.decoding.batch_decoder import BatchDecoder
from sens.decoding.messages import Arrival, gather
from sens.decoding.routes import Router
from sens.decoding.series_map import SeriesMap
from sens.domain.batch import Batch, Outcome
from sens.domain.columns import Kind, Rejection
from sens.domain.envelope import EnvelopeKind
from sens.domain.reasons import Reason
from sens.sources import parse
from sens.storage.series import SeriesKey

CONFIGURATION = """
sources:
  - name: plant
    broker: mqtt://127.0.0.1
    topics:
      - {topic: "sens/{device}/telemetry", decoder: json, time: {field: ts, format: s, missing: receive_time}}
      - {topic: "plain/{device}/{metric}", decoder: plain}
      - {topic: "noise/#", ignore: true}
"""


class Series:
    """Numbers series as they come."""

    def __init__(self) -> None:
        self.keys = list[SeriesKey]()
        self.asked = 0

    def resolve(self, keys: Sequence[SeriesKey]) -> list[int | Rejection]:
        self.asked += 1
        answers = list[int | Rejection]()
        for key in keys:
            if key.device == "too-many":
                answers.append(Rejection(Reason.TOO_MANY_DEVICES, "full"))
                continue
            if key not in self.keys:
                self.keys.append(key)
            answers.append(self.keys.index(key))
        return answers


class Bench:
    def __init__(self) -> None:
        self.series = Series()
        self.sources = {"plant": 7, "archive": 8}
        configuration = parse(CONFIGURATION, name="test", decoders=DECODERS)
        self.decoder = BatchDecoder(
            Router(configuration, DECODERS, self.sources.__getitem__), SeriesMap(self.series.resolve)
        )

    def decode(self, *arrivals: Arrival, oldest_kept: int | None = None) -> Batch:
        return self.decoder.decode(gather(arrivals, lambda _: 7, b"12345678"), oldest_kept)

    def readings(self, batch: Batch) -> list[tuple[int, str, str, object]]:
        """(message, device, metric, value) of each reading."""
        return [
            (
                int(batch.reading_message[at]),
                self.series.keys[series].device,
                self.series.keys[series].metric,
                batch.texts.get(at, float(batch.value[at])),
            )
            for at, series in enumerate(batch.series.tolist())
        ]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def reasons(batch: Batch) -> dict[int, Reason]:
    return {q.message: q.reason for q in batch.quarantined}


def test_messages_of_different_rules_and_envelopes_keep_their_order(bench: Bench):
    batch = bench.decode(
        envelope(publish("sens/a/telemetry", b'{"t": 1, "s": "on"}'), publish("plain/b/x", b"2.5")),
        envelope(publish("plain/c/y", b"open"), publish("sens/a/telemetry", b'{"t": 3, "s": "off"}')),
    )
    assert bench.readings(batch) == [
        (0, "a", "t", 1.0),
        (0, "a", "s", "on"),
        (1, "b", "x", 2.5),
        (2, "c", "y", "open"),
        (3, "a", "t", 3.0),
        (3, "a", "s", "off"),
    ]
    assert batch.message_envelope.tolist() == [0, 0, 1, 1]
    assert batch.message_position.tolist() == [0, 1, 0, 1]
    assert batch.outcome.tolist() == [Outcome.DECODED] * 4


def test_a_reading_without_a_time_gets_its_message_s_receive_time(bench: Bench):
    arrival = envelope(publish("sens/a/telemetry", b'{"t": 1}'), publish("sens/a/telemetry", b'{"t": 2}'))
    batch = bench.decode(arrival)
    assert batch.time.tolist() == batch.received_at.tolist()
    assert batch.time[1] == batch.time[0] + 1


def test_messages_of_a_shared_source_are_a_step_apart():
    arrivals = [envelope(*(publish("t", b"1") for _ in range(3)), step_us=step) for step in (16, 1)]
    messages = gather(arrivals, lambda _: 1, b"12345678")
    assert np.diff(messages.received_at[:3]).tolist() == [16, 16]
    assert np.diff(messages.received_at[3:]).tolist() == [1, 1]


def test_a_reading_with_a_time_keeps_it(bench: Bench):
    batch = bench.decode(envelope(publish("sens/a/telemetry", b'{"t": 1, "ts": 1789999999}')))
    assert batch.time.tolist() == [1_789_999_999_000_000]


def test_each_message_ends_as_one_thing(bench: Bench):
    batch = bench.decode(
        envelope(
            publish("sens/a/telemetry", b'{"t": 1}'),
            publish("sens/a/telemetry", b"{broken"),
            publish("noise/1", b"whatever"),
            publish("elsewhere", b"1"),
            publish(b"sens/\xff/telemetry", b"{}"),
            publish("sens/too-many/telemetry", b'{"t": 1}'),
            publish("sens/a/telemetry", b'{"t": 1, "ts": 1}'),
        )
    )
    assert batch.outcome.tolist() == [
        Outcome.DECODED,
        Outcome.QUARANTINED,
        Outcome.IGNORED,
        *[Outcome.QUARANTINED] * 4,
    ]
    assert reasons(batch) == {
        1: Reason.INVALID_SYNTAX,
        3: Reason.NO_ROUTE,
        4: Reason.INVALID_TOPIC,
        5: Reason.TOO_MANY_DEVICES,
        6: Reason.TIME_TOO_OLD,
    }
    assert bench.readings(batch) == [(0, "a", "t", 1.0)]


def test_retained_messages_are_stored_only_if_they_bear_a_time(bench: Bench):
    batch = bench.decode(
        envelope(
            publish("sens/a/telemetry", b'{"t": 1}', retain=True),
            publish("sens/a/telemetry", b'{"t": 2, "ts": 1789999999}', retain=True),
            publish("sens/a/telemetry", b'{"t": 3}'),
        )
    )
    assert batch.outcome.tolist() == [Outcome.IGNORED, Outcome.DECODED, Outcome.DECODED]
    assert [value for *_, value in bench.readings(batch)] == [2.0, 3.0]
    assert batch.quarantined == []


def test_a_retained_message_that_is_broken_is_quarantined_not_ignored(bench: Bench):
    batch = bench.decode(envelope(publish("sens/a/telemetry", b"{broken", retain=True)))
    assert batch.outcome.tolist() == [Outcome.QUARANTINED]


def test_readings_that_retention_would_delete_are_quarantined(bench: Bench):
    arrival = envelope(
        publish("sens/a/telemetry", b'{"t": 1, "ts": 1780000000}'), publish("sens/a/telemetry", b'{"t": 2}')
    )
    batch = bench.decode(arrival, oldest_kept=RECEIVED_AT - 1)
    assert reasons(batch) == {0: Reason.OLDER_THAN_RETENTION}
    assert [value for *_, value in bench.readings(batch)] == [2.0]


def test_an_oversize_message_is_quarantined_with_its_first_bytes(bench: Bench):
    stub = envelope(publish("sens/a/telemetry", b"[1, 2, 3"), kind=EnvelopeKind.STUB)
    batch = bench.decode(stub)
    assert reasons(batch) == {0: Reason.OVERSIZE}
    assert (batch.topics, batch.payloads) == ([b"sens/a/telemetry"], [b"[1, 2, 3"])


def test_bytes_that_are_no_envelope_are_quarantined_and_stop_nothing(bench: Bench):
    good = envelope(publish("sens/a/telemetry", b'{"t": 1}'))
    foreign = Arrival(9, "sens.raw.plant.exclusive", b"hello", RECEIVED_AT)
    damaged = Arrival(8, "sens.raw.plant.exclusive", good.data[:-3], RECEIVED_AT)
    batch = bench.decode(foreign, good, damaged)
    assert set(reasons(batch).values()) == {Reason.INVALID_ENVELOPE}
    assert sorted(reasons(batch)) == [0, 2]
    assert batch.payloads[0] == b"hello"
    assert bench.readings(batch) == [(1, "a", "t", 1.0)]
    assert len({entry.id for entry in batch.envelopes}) == 3


def test_a_source_that_left_the_configuration_is_quarantined(bench: Bench):
    batch = bench.decode(envelope(publish("sens/a/telemetry", b'{"t": 1}'), source="gone"))
    assert reasons(batch) == {0: Reason.NO_ROUTE}


def test_series_are_looked_up_once(bench: Bench):
    for _ in range(3):
        bench.decode(envelope(publish("sens/a/telemetry", b'{"t": 1}'), publish("sens/b/telemetry", b'{"t": 1}')))
    assert bench.series.asked == 1
    assert bench.series.keys == [
        SeriesKey(7, "a", "t", "", Kind.NUMBER),
        SeriesKey(7, "b", "t", "", Kind.NUMBER),
    ]


def test_an_empty_envelope_and_an_empty_batch_have_no_messages(bench: Bench):
    assert len(bench.decode(envelope()).topics) == 0
    assert len(bench.decode().envelopes) == 0


def test_columns_have_the_types_the_store_takes(bench: Bench):
    batch = bench.decode(envelope(publish("sens/a/telemetry", b'{"t": 1}'), publish("noise/x", b"")))
    types = [c.dtype for c in (batch.message_envelope, batch.reading_message, batch.series, batch.time, batch.value)]
    assert types == [np.int32, np.int32, np.int32, np.int64, np.float64]


IMPORTED = b'{"device": "d1", "metric": "t", "time": 1600000000000000, "value": 4.5}'


def test_an_import_is_read_by_a_rule_of_its_own_and_its_topics_name_the_sources_of_its_devices(bench: Bench) -> None:
    imported = envelope(publish("archive", IMPORTED), publish("plant", IMPORTED), source="import", session="import-1")
    bench.sources["import"] = 9
    batch = bench.decode(imported, envelope(publish("plain/d1/t", b"1")))
    assert bench.readings(batch) == [(0, "d1", "t", 4.5), (1, "d1", "t", 4.5), (2, "d1", "t", 1.0)]
    assert [bench.series.keys[series].source_id for series in batch.series.tolist()] == [8, 7, 7]
    assert batch.time[:2].tolist() == [1_600_000_000_000_000] * 2


def test_what_names_no_source_is_quarantined_also_in_an_import(bench: Bench) -> None:
    batch = bench.decode(envelope(publish("No Source", IMPORTED), publish(b"\xff", IMPORTED), session="import-1"))
    assert [each.reason for each in batch.quarantined] == [Reason.INVALID_TOPIC] * 2
