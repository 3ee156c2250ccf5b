"""Reference tables of the docs, as Markdown, from where the things are declared."""

from collections.abc import Iterable, Sequence

from sens.domain.reasons import Reason
from sens.runtime import metrics
from sens.runtime.catalogue import CATALOGUE, LABELS, Declaration, Section
from sens.runtime.exits import ExitCode
from sens.runtime.settings import Settings, describe

assert metrics.BUILD_INFO, "importing the declarations fills the catalogue"

_HEADINGS = {Section.PROCESS: "Every process"}


def metrics_markdown() -> str:
    """A table of metrics for each process, then one of the labels."""
    parts: list[str] = []
    for section in Section:
        declared = [each for each in CATALOGUE if each.section is section]
        parts += [f"## {_HEADINGS.get(section, section.value)}", _table(_METRIC_HEAD, map(_metric_row, declared))]
    parts += ["## Labels", _table(("label", "values"), ((f"`{name}`", text) for name, text in LABELS.items()))]
    return _document(parts)


def settings_markdown(classes: Sequence[type[Settings]]) -> str:
    """A table of the settings that every process has, then for each class what it adds or changes.

    A class's heading is the first line of its docstring.
    """
    common = describe(Settings)
    parts = ["## Every process", _settings_table(common)]
    for cls in classes:
        own = [row for row in describe(cls) if row not in common]
        title = (cls.__doc__ or cls.__name__).strip().splitlines()[0].rstrip(".")
        parts += [f"## {title}", _settings_table(own) if own else "Nothing else."]
    return _document(parts)


def exit_codes_markdown() -> str:
    """A table of the exit codes."""
    return _document([_table(("code", "name", "meaning"), ((str(int(c)), f"`{c.name}`", c.text) for c in ExitCode))])


def reasons_markdown() -> str:
    """A table of the reasons for quarantine."""
    return _document([_table(("reason", "meaning"), ((f"`{reason.value}`", reason.text) for reason in Reason))])


_METRIC_HEAD = ("metric", "kind", "labels", "meaning")
_SETTING_HEAD = ("variable", "allowed", "default", "meaning")


def _metric_row(metric: Declaration) -> tuple[str, ...]:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    buckets = f" Buckets: {', '.join(f'{bound:g}' for bound in metric.buckets)}." if metric.buckets else ""
    return f"`{metric.name}`", metric.kind, labels, metric.text + buckets


def _settings_table(rows: Iterable[tuple[str, str, str, str]]) -> str:
    return _table(_SETTING_HEAD, ((f"`{name}`", kind, f"`{default}`", text) for name, kind, default, text in rows))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _document(parts: Iterable[str]) -> str:
    return "\n\n".join(parts) + "\n"
