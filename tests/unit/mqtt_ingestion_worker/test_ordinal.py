"""Which replica of a shared source a worker is."""

import pytest

from sens.decoders.registry import DECODERS
from sens.domain.errors import Fatal
from sens.mqtt_ingestion_worker.settings import IngestionSettings
from sens.mqtt_ingestion_worker.source import ordinal_of
from sens.sources.models import Source
from sens.sources.parsing import parse


def source(mode: str) -> Source:
    text = (
        f"sources: [{{name: s, broker: 'mqtt://b', mode: {mode}, topics: [{{topic: 'a/{{device}}', decoder: json}}]}}]"
    )
    return parse(text, name="test", decoders=DECODERS).sources[0]


def test_a_shared_source_takes_the_number_at_the_end_of_the_instance():
    assert ordinal_of(source("shared"), IngestionSettings(instance="worker-2")) == 2


def test_a_shared_source_is_refused_without_a_number_because_all_replicas_would_be_the_first():
    with pytest.raises(Fatal, match=r"SENS_INSTANCE is 'alpha'.*StatefulSet"):
        ordinal_of(source("shared"), IngestionSettings(instance="alpha"))


def test_a_seventeenth_replica_is_refused_because_its_receive_times_would_be_another_s():
    assert ordinal_of(source("shared"), IngestionSettings(instance="worker-15")) == 15
    with pytest.raises(Fatal, match="at most 16, numbered from 0"):
        ordinal_of(source("shared"), IngestionSettings(instance="worker-16"))


@pytest.mark.parametrize("instance", ["alpha", "worker-2", "worker-16"])
def test_an_exclusive_source_needs_no_number(instance: str):
    assert ordinal_of(source("exclusive"), IngestionSettings(instance=instance)) == 0
