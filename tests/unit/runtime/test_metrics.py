import pytest

from sens.runtime import metrics
from sens.runtime.catalogue import CATALOGUE, LABELS, Declaration, Section, counter, render

UNITS = ("_seconds", "_bytes", "_total", "_messages", "_readings", "_envelopes", "_rows", "_ratio", "_shortfalls")
STATES = ("_info", "_connected", "_owned", "_leader", "_balanced", "_ready", "_in_flight")


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda m: m.name)
def test_a_metric_s_name_tells_project_and_unit(metric: Declaration) -> None:
    assert metric.name.startswith("sens_")
    assert metric.name.endswith(UNITS + STATES)
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert metric.text.endswith(".")


def test_no_label_holds_what_a_sender_can_choose() -> None:
    assert not {"device", "topic", "metric", "series", "client_id"} & LABELS.keys()
    assert {label for metric in CATALOGUE for label in metric.labels} == LABELS.keys()


def test_an_undescribed_label_is_refused() -> None:
    with pytest.raises(ValueError, match="device"):
        counter(Section.PROCESS, "sens_test_total", "A test.", "device")
    assert all(metric.name != "sens_test_total" for metric in CATALOGUE)


def test_buckets_ascend() -> None:
    assert all(list(metric.buckets) == sorted(set(metric.buckets)) for metric in CATALOGUE)


def test_a_process_shows_its_own_metrics_and_those_of_every_process() -> None:
    metrics.READINGS.labels("plant-a", "stored").inc(3)
    telemetry, ingestion, other = (render(name).decode() for name in ("telemetry-worker", "mqtt-ingestion-worker", "x"))
    assert 'sens_telemetry_readings_total{outcome="stored",source="plant-a"} 3.0' in telemetry
    assert "sens_telemetry_" not in ingestion
    assert "sens_ingestion_connected" in ingestion
    assert "sens_process_loop_lag_seconds_bucket" in other
    assert "_created" not in telemetry
