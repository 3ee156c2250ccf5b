"""`sens decode`: one message taken the whole way that the workers take it, but without a server."""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sens.cli.errors import WrongArgument
from sens.cli.output import print_json
from sens.cli.times import iso
from sens.decoders.registry import DECODERS
from sens.domain.batch import Batch, Outcome
from sens.domain.columns import Kind, Rejection
from sens.domain.envelope import EPOCH_BYTES, ID_BYTES, Envelope, EnvelopeKind, Stub, pack, stub_body, subject
from sens.domain.reasons import IgnoreReason, Reason
from sens.mqtt.wire import binary, length
from sens.sources import Configuration, Source, load
from sens.storage.series import SeriesKey
from sens.telemetry_worker.decoding import BatchDecoder
from sens.telemetry_worker.messages import Arrival, gather
from sens.telemetry_worker.routes import IGNORED, Router
from sens.telemetry_worker.series_map import SeriesMap

_MQTT_3_1_1 = 4
_SOURCE_ID = 1
_PUBLISH, _RETAIN = 0x30, 0x01
_MICROSECOND = timedelta(microseconds=1)


def run(config: Path, source_name: str, topic: str, *, retained: bool) -> int:
    """Decode standard input and print what would become of it.

    Raises:
        InvalidConfiguration: the file cannot be used.
        WrongArgument: no such source, or no topic that a message can have.
    """
    configuration = load(config, DECODERS)
    source = configuration.source(source_name)
    if source is None:
        names = ", ".join(each.name for each in configuration.sources)
        raise WrongArgument(f"--source {source_name}: {config} has no such source, but: {names}")
    if not topic or any(wildcard in topic for wildcard in "+#\0"):
        raise WrongArgument(f"--topic {topic!r}: give the topic of one message, without wildcards")
    if sys.stdin.isatty():
        print("Write the payload, then Ctrl-D.", file=sys.stderr)
    print_json(decode(configuration, source, topic, sys.stdin.buffer.read(), retained=retained))
    return 0


def decode(
    configuration: Configuration, source: Source, topic: str, payload: bytes, *, retained: bool = False
) -> dict[str, Any]:
    """What would become of a message that was received now, as JSON objects."""
    received_at = time.time_ns() // 1000
    series = _LocalSeries(source.limits.max_series_per_device)
    decoder = BatchDecoder(Router(configuration, DECODERS), SeriesMap(series.resolve))
    data = _envelope(source, _packet(topic, payload, retained=retained), received_at)
    arrival = Arrival(1, subject(source.name, source.session()), data, received_at)
    messages = gather([arrival], lambda _: _SOURCE_ID, bytes(EPOCH_BYTES))
    keep = configuration.retention.raw
    batch = decoder.decode(messages, None if keep is None else received_at - keep // _MICROSECOND)
    outcome = Outcome(int(batch.outcome[0]))
    result: dict[str, Any] = {
        "outcome": outcome.name.lower(),
        "source": source.name,
        "topic": topic,
        "received_at": iso(received_at),
    }
    if outcome is Outcome.DECODED:
        return {**result, "readings": _readings(batch, series)}
    if outcome is Outcome.IGNORED:
        declared = decoder.router.routes(source.name, _SOURCE_ID, batch.topics)[0].rule == IGNORED
        return {**result, "reason": (IgnoreReason.DECLARED if declared else IgnoreReason.RETAINED).value}
    [refused] = batch.quarantined
    return {**result, "reason": refused.reason.value, "detail": refused.detail, "meaning": refused.reason.text}


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


def _packet(topic: str, payload: bytes, *, retained: bool) -> bytes:
    """The PUBLISH packet, at QoS 0: what is decoded does not depend on it."""
    body = binary(topic.encode(errors="surrogateescape"), "the topic") + payload
    return bytes([_PUBLISH | (_RETAIN if retained else 0)]) + length(len(body)) + body


def _envelope(source: Source, packet: bytes, received_at: int) -> bytes:
    """As the ingestion worker writes it."""
    oversize = len(packet) > source.limits.max_message_bytes
    envelope = Envelope(
        id=bytes(ID_BYTES),
        epoch=bytes(EPOCH_BYTES),
        kind=EnvelopeKind.STUB if oversize else EnvelopeKind.RAW,
        mqtt_version=_MQTT_3_1_1,
        source=source.name,
        session=source.session(),
        received_at=received_at,
        messages=1,
        total=1,
        settled=0,
        previous=0,
        body=stub_body(Stub(len(packet), None, packet[: source.limits.max_message_bytes])) if oversize else packet,
    )
    return pack(envelope)


def _readings(batch: Batch, series: _LocalSeries) -> list[dict[str, Any]]:
    keys = list(series.ids)
    ids: list[int] = batch.series.tolist()
    return [_reading(batch, at, keys[id_]) for at, id_ in enumerate(ids)]


def _reading(batch: Batch, at: int, key: SeriesKey) -> dict[str, Any]:
    value: float | str | bool = batch.texts.get(at, float(batch.value[at]))
    return {
        "device": key.device,
        "metric": key.metric,
        "unit": key.unit,
        "kind": Kind(key.kind).name.lower(),
        "time": iso(int(batch.time[at])),
        "value": bool(value) if key.kind is Kind.BOOLEAN else value,
    }
