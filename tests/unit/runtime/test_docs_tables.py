from pydantic import Field

from sens.domain.reasons import Reason
from sens.runtime.catalogue import CATALOGUE, LABELS
from sens.runtime.docs_tables import exit_codes_markdown, metrics_markdown, reasons_markdown, settings_markdown
from sens.runtime.exits import ExitCode
from sens.runtime.settings import Settings


class Sample(Settings):
    """sample-worker.

    More about it.
    """

    ops_port: int = Field(default=9099, description="Its own | port.")


class Plain(Settings):
    """plain-worker."""


def test_every_metric_and_label_is_in_the_reference_once() -> None:
    text = metrics_markdown()
    assert all(text.count(f"| `{metric.name}` |") == 1 for metric in CATALOGUE)
    assert all(f"| `{label}` |" in text for label in LABELS)
    assert "## Every process" in text
    assert "## telemetry-worker" in text


def test_common_settings_stand_once_and_a_class_adds_what_differs() -> None:
    text = settings_markdown([Sample, Plain])
    assert text.count("SENS_LOG_FORMAT") == 1
    assert text.index("## sample-worker\n") < text.index("| `SENS_OPS_PORT` | a whole number | `9099` |")
    assert "Its own \\| port." in text
    assert "## plain-worker\n\nNothing else.\n" in text


def test_tables_have_as_many_cells_in_each_row_as_in_the_head() -> None:
    for block in metrics_markdown().split("\n\n"):
        if block.startswith("|"):
            assert len({line.replace("\\|", "").count("|") for line in block.splitlines()}) == 1


def test_every_exit_code_and_reason_is_in_the_reference() -> None:
    assert all(f"| {int(code)} | `{code.name}` |" in exit_codes_markdown() for code in ExitCode)
    assert all(f"| `{reason.value}` |" in reasons_markdown() for reason in Reason)


def test_the_reference_is_the_same_each_time() -> None:
    assert metrics_markdown() == metrics_markdown()
    assert settings_markdown([Sample]) == settings_markdown([Sample])
