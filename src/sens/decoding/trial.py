"""One message taken the whole way that the workers take it, but without a server: nothing is stored."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sens.decoders.registry import DECODERS
from sens.decoding.batch_decoder import BatchDecoder
from sens.decoding.messages import Arrival, gather
from sens.decoding.routes import IGNORED, Router
from sens.decoding.series_map import SeriesMap
from sens.domain.batch import Batch, Outcome
from sens.domain.columns import Kind, Rejection
from sens.domain.envelope import EPOCH_BYTES, ID_BYTES, Envelope, EnvelopeKind, Stub, pack, stub_body, subject
from sens.domain.reasons import IgnoreReason, Reason
from sens.mqtt.wire import binary, length
from sens.sources import Configuration, Source
from sens.storage.series import SeriesKey

_MQTT_3_1_1 = 4
_SOURCE_ID = 1
_PUBLISH, _RETAIN = 0x30, 0x01
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a broker delivers it. `received_at`: µs since 1970 UTC."""

    topic: bytes
    payload: bytes
    received_at: int
    retained: bool = False


@dataclass(frozen=True, slots=True)
class TriedReading:
    """What would be stored. `time`: µs since 1970 UTC; `value`: a bool where the kind is that."""

    device: str
    metric: str
    unit: str
    kind: Kind
    time: int
    value: float | str | bool


@dataclass(frozen=True, slots=True)
class Trial:
    """What would become of the message.

    Attributes:
        readings: where it is decoded.
        ignored: where it is ignored: why.
        reason, detail: where it is quarantined.
    """

    outcome: Outcome
    readings: list[TriedReading]
    ignored: IgnoreReason | None = None
    reason: Reason | None = None
    detail: str = ""


def try_message(configuration: Configuration, source_name: str, message: Message) -> Trial:
    """Decode a message of a declared source as if it came now, but with its time of receipt."""
    source = configuration.source(source_name)
    assert source is not None
    series = _LocalSeries(source.limits.max_series_per_device)
    decoder = BatchDecoder(Router(configuration, DECODERS), SeriesMap(series.resolve))
    arrival = Arrival(1, subject(source.name, source.session()), _envelope(source, message), message.received_at)
    messages = gather([arrival], lambda _: _SOURCE_ID, bytes(EPOCH_BYTES))
    keep = configuration.retention.raw
    batch = decoder.decode(messages, None if keep is None else time.time_ns() // 1000 - keep // _MICROSECOND)
    outcome = Outcome(int(batch.outcome[0]))
    if outcome is Outcome.DECODED:
        return Trial(outcome, _readings(batch, series))
    if outcome is Outcome.IGNORED:
        declared = decoder.router.routes(source.name, _SOURCE_ID, batch.topics)[0].rule == IGNORED
        return Trial(outcome, [], ignored=IgnoreReason.DECLARED if declared else IgnoreReason.RETAINED)
    [refused] = batch.quarantined
    return Trial(outcome, [], reason=refused.reason, detail=refused.detail)


class _LocalSeries:
    """Stands for the database's series: numbers them as they come.

    Attributes:
        ids: by key, from 0, in that order.
    """

    def __init__(self, max_per_device: int) -> None:
        self.ids = dict[SeriesKey, int]()
        self._max_per_device = max_per_device
        self._of_device = Counter[str]()

    def resolve(self, keys: Sequence[SeriesKey]) -> list[int | Rejection]:
        return [self._id(key) for key in keys]

    def _id(self, key: SeriesKey) -> int | Rejection:
        if key in self.ids:
            return self.ids[key]
        if self._of_device[key.device] >= self._max_per_device:
            return Rejection(Reason.TOO_MANY_SERIES, "raise limits.max_series_per_device of the source")
        self._of_device[key.device] += 1
        return self.ids.setdefault(key, len(self.ids))


def _packet(message: Message) -> bytes:
    """The PUBLISH packet, at QoS 0: what is decoded does not depend on it."""
    body = binary(message.topic, "the topic") + message.payload
    return bytes([_PUBLISH | (_RETAIN if message.retained else 0)]) + length(len(body)) + body


def _envelope(source: Source, message: Message) -> bytes:
    """As the ingestion worker writes it."""
    packet = _packet(message)
    oversize = len(packet) > source.limits.max_message_bytes
    envelope = Envelope(
        id=bytes(ID_BYTES),
        epoch=bytes(EPOCH_BYTES),
        kind=EnvelopeKind.STUB if oversize else EnvelopeKind.RAW,
        mqtt_version=_MQTT_3_1_1,
        source=source.name,
        session=source.session(),
        received_at=message.received_at,
        messages=1,
        total=1,
        settled=0,
        previous=0,
        body=stub_body(Stub(len(packet), None, packet[: source.limits.max_message_bytes])) if oversize else packet,
    )
    return pack(envelope)


def _readings(batch: Batch, series: _LocalSeries) -> list[TriedReading]:
    keys = list(series.ids)
    ids: list[int] = batch.series.tolist()
    return [_reading(batch, at, keys[id_]) for at, id_ in enumerate(ids)]


def _reading(batch: Batch, at: int, key: SeriesKey) -> TriedReading:
    value: float | str | bool = batch.texts.get(at, float(batch.value[at]))
    shown = bool(value) if key.kind is Kind.BOOLEAN else value
    return TriedReading(key.device, key.metric, key.unit, Kind(key.kind), int(batch.time[at]), shown)
