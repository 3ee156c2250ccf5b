"""Messages taken the whole way that the workers take them, but without a server: nothing is stored."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from sens.decoders.imported import named_device
from sens.decoders.registry import DECODERS
from sens.decoding.batch_decoder import BatchDecoder
from sens.decoding.messages import Arrival, gather
from sens.decoding.routes import IGNORED, Router
from sens.decoding.series_map import SeriesMap
from sens.domain.batch import Outcome
from sens.domain.columns import Kind, Rejection
from sens.domain.envelope import (
    EPOCH_BYTES,
    ID_BYTES,
    Envelope,
    EnvelopeKind,
    Stub,
    is_import,
    pack,
    stub_body,
    subject,
)
from sens.domain.reasons import IgnoreReason, Reason
from sens.mqtt.publish import pack_publish
from sens.sources import Configuration, Limits
from sens.storage.series import SeriesKey

_MQTT_3_1_1 = 4
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


def try_message(configuration: Configuration, source_name: str, message: Message, session: str = "") -> Trial:
    """Decode a message of a source as if it came now, but with its time of receipt.

    Args:
        session: that of an import, or any: messages of all others are read in the same way.
    """
    data = _envelope(configuration, source_name, session, message)
    arrival = Arrival(1, subject(source_name, session), data, message.received_at)
    return Trials(configuration, source_name, [arrival]).of(0)


class Trials:
    """What becomes of all messages of some envelopes of a source, or of imports that name it.

    Attributes:
        batch: the messages, decoded.
    """

    def __init__(self, configuration: Configuration, source_name: str, arrivals: Sequence[Arrival]) -> None:
        source = configuration.source(source_name)
        limits = source.limits if source else Limits()
        self._series = _LocalSeries(limits.max_series_per_device)
        self._source_ids = {source_name: 0}  # and those that imports name
        self._decoder = BatchDecoder(Router(configuration, DECODERS, self._source_id), SeriesMap(self._series.resolve))
        messages = gather(arrivals, self._source_id, bytes(EPOCH_BYTES))
        self._routes = self._decoder.routes(messages)
        keep = configuration.retention.raw
        oldest_kept = None if keep is None else time.time_ns() // 1000 - keep // _MICROSECOND
        self.batch = self._decoder.decode(messages, oldest_kept)
        self._keys = list(self._series.ids)
        self._refused = {each.message: each for each in self.batch.quarantined}
        readings = np.bincount(self.batch.reading_message, minlength=len(self.batch.topics))
        self._ends = np.cumsum(readings)

    def of(self, message: int) -> Trial:
        """What becomes of a message, by its index in the batch."""
        outcome = Outcome(int(self.batch.outcome[message]))
        if outcome is Outcome.DECODED:
            first = int(self._ends[message - 1]) if message else 0
            return Trial(outcome, [self._reading(at) for at in range(first, int(self._ends[message]))])
        if outcome is Outcome.IGNORED:
            declared = self._routes[message].rule == IGNORED
            return Trial(outcome, [], ignored=IgnoreReason.DECLARED if declared else IgnoreReason.RETAINED)
        refused = self._refused[message]
        return Trial(outcome, [], reason=refused.reason, detail=refused.detail)

    def about(self, device: str) -> list[int]:
        """The messages that name the source's device, by topic or payload. Ascending."""
        series = [at for at, key in enumerate(self._keys) if key.device == device and key.source_id == 0]
        found = set(self.batch.reading_message[np.isin(self.batch.series, series)].tolist())
        others = np.flatnonzero(self.batch.outcome != Outcome.DECODED).tolist()
        return sorted(found | {at for at in others if self._names(at, device)})

    def _names(self, at: int, device: str) -> bool:
        """Whether a message without readings is of the device nevertheless."""
        if is_import(self.batch.envelopes[int(self.batch.message_envelope[at])].session):
            return self._routes[at].source_id == 0 and named_device(self.batch.payloads[at]) == device
        return self._routes[at].device == device

    def _source_id(self, name: str) -> int:
        return self._source_ids.setdefault(name, len(self._source_ids))

    def _reading(self, at: int) -> TriedReading:
        key = self._keys[int(self.batch.series[at])]
        value: float | str | bool = self.batch.texts.get(at, float(self.batch.value[at]))
        shown = bool(value) if key.kind is Kind.BOOLEAN else value
        return TriedReading(key.device, key.metric, key.unit, Kind(key.kind), int(self.batch.time[at]), shown)


class _LocalSeries:
    """Stands for the database's series: numbers them as they come.

    Attributes:
        ids: by key, from 0, in that order.
    """

    def __init__(self, max_per_device: int) -> None:
        self.ids = dict[SeriesKey, int]()
        self._max_per_device = max_per_device
        self._of_device = Counter[tuple[int, str]]()

    def resolve(self, keys: Sequence[SeriesKey]) -> list[int | Rejection]:
        return [self._id(key) for key in keys]

    def _id(self, key: SeriesKey) -> int | Rejection:
        if key in self.ids:
            return self.ids[key]
        device = key.source_id, key.device
        if self._of_device[device] >= self._max_per_device:
            return Rejection(Reason.TOO_MANY_SERIES, "raise limits.max_series_per_device of the source")
        self._of_device[device] += 1
        return self.ids.setdefault(key, len(self.ids))


def _envelope(configuration: Configuration, source_name: str, session: str, message: Message) -> bytes:
    """As the ingestion worker writes it; what was imported is as long as the API took it."""
    source = configuration.source(source_name)
    packet = pack_publish(message.topic, message.payload, retain=message.retained)
    keep_bytes = source.limits.max_message_bytes if source else len(packet)
    oversize = len(packet) > keep_bytes
    envelope = Envelope(
        id=bytes(ID_BYTES),
        epoch=bytes(EPOCH_BYTES),
        kind=EnvelopeKind.STUB if oversize else EnvelopeKind.RAW,
        mqtt_version=_MQTT_3_1_1,
        source=source_name,
        session=session,
        received_at=message.received_at,
        messages=1,
        total=1,
        settled=0,
        previous=0,
        body=stub_body(Stub(len(packet), None, packet[:keep_bytes])) if oversize else packet,
    )
    return pack(envelope)
