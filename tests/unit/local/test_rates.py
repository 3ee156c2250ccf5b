from types import SimpleNamespace

import pytest

from sens.local import rates as rates_module
from sens.local.rates import MESSAGES_IN, READINGS, STORED, Counted, Rates, total
from sens.runtime import metrics
from sens.runtime.catalogue import CATALOGUE

SCRAPE = """\
# HELP sens_telemetry_readings_total Decoded readings.
# TYPE sens_telemetry_readings_total counter
sens_telemetry_readings_total{source="a",outcome="stored"} 10.0
sens_telemetry_readings_total{source="b",outcome="stored"} 5.0
sens_telemetry_readings_total{source="b",outcome="duplicate"} 100.0
"""


def test_samples_with_the_labels_are_summed_over_all_others():
    assert total(SCRAPE, Counted("", "", READINGS, STORED)) == 15
    assert total(SCRAPE, Counted("", "", READINGS)) == 115
    assert total(SCRAPE, Counted("", "", MESSAGES_IN)) == 0


@pytest.mark.parametrize("name", [MESSAGES_IN, READINGS])
def test_the_counters_are_ones_that_the_processes_declare(name: str):
    assert name in {declared.name for declared in CATALOGUE}
    assert metrics.READINGS is not None


@pytest.fixture
def scrapes() -> list[float | None]:
    return []


@pytest.fixture
def rates(scrapes: list[float | None], monkeypatch: pytest.MonkeyPatch) -> Rates:
    made = Rates([Counted("in", "", "x")])
    clock = iter(range(1000))

    async def next_total(_: Counted) -> float | None:
        return scrapes.pop(0)

    monkeypatch.setattr(made, "_total", next_total)
    monkeypatch.setattr(rates_module, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    return made


async def test_a_rate_needs_two_looks_and_a_restarted_part_begins_again(rates: Rates, scrapes: list[float | None]):
    scrapes[:] = [100, 150, 150, 20, 30, None, 40, 41]
    assert [(await rates.look())["in"] for _ in range(8)] == [None, 50, 0, None, 10, None, None, 1]


async def test_a_part_that_does_not_answer_has_no_rate():
    assert await Rates([Counted("in", "http://127.0.0.1:9/metrics", "x")]).look() == {"in": None}
