"""How many replicas can share a source."""

import pytest

from sens.decoders.registry import DECODERS
from sens.domain.errors import Fatal
from sens.mqtt_ingestion_worker.settings import IngestionSettings
from sens.mqtt_ingestion_worker.source import ordinal_of
from sens.sources.models import Source
from sens.sources.parsing import parse


def source(mode: str) -> Source:
    text = f"sources: [{{name: a, broker: 'mqtt://h', mode: {mode}, topics: [{{topic: '{{device}}', decoder: json}}]}}]"
    return parse(text, name="sens.yaml", decoders=DECODERS).sources[0]


def replica(number: int) -> IngestionSettings:
    return IngestionSettings.model_validate({"instance": f"worker-{number}"})


def test_sixteen_replicas_share_a_source():
    assert [ordinal_of(source("shared"), replica(number)) for number in range(16)] == list(range(16))


def test_a_seventeenth_is_refused_at_start():
    with pytest.raises(Fatal, match="at most 16, numbered from 0"):
        ordinal_of(source("shared"), replica(16))


def test_standbys_of_an_exclusive_source_may_be_any_number():
    assert ordinal_of(source("exclusive"), replica(16)) == 0
