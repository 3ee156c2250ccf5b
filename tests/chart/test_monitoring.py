"""Alerts and dashboards name what is there, and alerts fire on what they are for and on nothing else."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from chart.alert_cases import CASES
from chart.alert_series import WELL_AND_IDLE, Case
from chart.promql import names_in
from helm import CHART, ROOT, of_kind, render
from sens.runtime import metrics
from sens.runtime.catalogue import CATALOGUE
from servers import missing

RUNBOOKS = ROOT / "docs" / "runbooks"
DASHBOARDS = sorted((CHART / "dashboards").glob("*.json"))

Rule = dict[str, Any]
GROUPS: dict[str, list[Rule]] = {
    path.stem: YAML(typ="safe").load(path) for path in sorted((CHART / "alerts").glob("*.yaml"))
}
RULES: dict[str, Rule] = {rule["alert"]: rule for rules in GROUPS.values() for rule in rules}

OF_TARGETS = {"namespace", "pod", "instance", "job"}
"""Labels that Prometheus gives to whatever it scrapes."""
OF_STREAMS = {"stream_name", "account", "is_stream_leader"}
OF_CONSUMERS = OF_STREAMS | {"consumer_name"}
FOREIGN = {
    "up": set[str](),
    # postgres_exporter 0.20
    "pg_up": set[str](),
    "pg_settings_max_connections": set[str](),
    "pg_database_size_bytes": {"datname"},
    "pg_stat_database_numbackends": {"datid", "datname"},
    "pg_stat_database_xact_commit": {"datid", "datname"},
    "pg_stat_database_xact_rollback": {"datid", "datname"},
    "pg_stat_database_blks_hit": {"datid", "datname"},
    "pg_stat_database_blks_read": {"datid", "datname"},
    # prometheus-nats-exporter 0.20, with -varz, -jsz=all and -healthz
    "gnatsd_healthz_status_value": {"server_id", "value"},
    "gnatsd_varz_mem": {"server_id"},
    "jetstream_stream_total_bytes": OF_STREAMS,
    "jetstream_consumer_num_pending": OF_CONSUMERS,
    "jetstream_consumer_num_redelivered": OF_CONSUMERS,
    # the kubelet, and kube-state-metrics 2
    "kubelet_volume_stats_available_bytes": {"persistentvolumeclaim"},
    "kubelet_volume_stats_capacity_bytes": {"persistentvolumeclaim"},
    "kube_job_failed": {"job_name", "condition"},
}
"""Metrics of others, each with its labels."""


def own() -> dict[str, set[str]]:
    """Series of ours as they are scraped, each with its labels."""
    assert metrics.BUILD_INFO, "importing the declarations fills the catalogue"
    found = {"process_resident_memory_bytes": set[str](), "process_cpu_seconds_total": set[str]()}
    for each in CATALOGUE:
        if each.kind == "histogram":
            found |= {f"{each.name}_{part}": set(each.labels) for part in ("sum", "count")}
            found[f"{each.name}_bucket"] = {*each.labels, "le"}
        else:
            found[each.name] = set(each.labels)
    return found


KNOWN = own() | FOREIGN


def unknown_names(expression: str) -> list[str]:
    """Metrics and labels in it that nobody has."""
    named = names_in(expression)
    assert named.metrics, f"no metric in {expression}"
    wrong = [name for name in named.metrics if name not in KNOWN]
    wrong += [
        f"{name}{{{label}}}"
        for name, labels in named.metrics.items()
        for label in sorted(labels - KNOWN.get(name, labels) - OF_TARGETS)
    ]
    every = set[str]().union(OF_TARGETS, *(KNOWN.get(name, set()) for name in named.metrics))
    return wrong + sorted(named.grouped - every)


def kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def queries(dashboard: dict[str, Any]) -> Iterator[str]:
    """The expressions of its panels, with values for the variables."""
    values = {"$__rate_interval": "5m", "$__range": "1h", "$namespace": "plant", "$source": ".*"}
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            text = target["expr"]
            for variable, value in values.items():
                text = text.replace(variable, value)
            yield text


def load(dashboard: Path) -> dict[str, Any]:
    return json.loads(dashboard.read_text())


# ── names ────────────────────────────────────────────────────────────────────────────────────────
def test_names_of_metrics_and_labels_are_found_in_expressions() -> None:
    found = names_in(
        'sum by (a, b) (rate(x_total{c="and y(z)", d=~"e"}[5m] offset 1d)) / on (f) up > 2 unless absent(x_total)'
    )
    assert found.metrics == {"x_total": {"c", "d"}, "up": set()}
    assert found.grouped == {"a", "b", "f"}
    assert unknown_names('sum by (task) (sens_ingestion_conected{sauce="x"})') == [
        "sens_ingestion_conected",
        "task",
    ]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_an_alert_asks_for_metrics_and_labels_that_exist(rule: Rule) -> None:
    assert unknown_names(rule["expr"]) == []


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_an_alert_says_how_urgent_it_is_and_what_is_wrong_with_its_values(rule: Rule) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description"}
    told = " ".join(rule["annotations"].values())
    given = {label for case in CASES if case.alert == rule["alert"] and case.fires for label in case.fires}
    assert set(re.findall(r"\$labels\.(\w+)", told)) == given | {"namespace"}
    assert "$value" in told or "== 0" in rule["expr"], "a value that is not always 0 is told"


def test_each_alert_has_its_name_alone_and_a_runbook_and_each_runbook_an_alert() -> None:
    assert len(RULES) == sum(len(rules) for rules in GROUPS.values())
    assert all(re.fullmatch(r"Sens([A-Z][a-z]+)+", name) for name in RULES)
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"index"}
    assert pages == {kebab(name) for name in RULES}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_a_runbook_answers_the_five_questions_and_the_index_lists_it(rule: Rule) -> None:
    page = (RUNBOOKS / f"{kebab(rule['alert'])}.md").read_text()
    assert page.startswith(f"# {rule['alert']}\n")
    asked = ["What it means", "What users notice", "How to look", "What to do", "When it is over"]
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == asked
    severity = rule["labels"]["severity"]
    assert f"[{rule['alert']}]({kebab(rule['alert'])}.md) | {severity} |" in (RUNBOOKS / "index.md").read_text()


def test_each_runbook_stands_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text()
    assert [page.name for page in RUNBOOKS.glob("*.md") if f"runbooks/{page.name}" not in text] == []


# ── as the chart gives them to the cluster ───────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def rendered() -> list[dict[str, Any]]:
    pages = "https://docs.example.org/runbooks"
    shown = {"rules": {"enabled": True, "runbookUrl": pages}, "dashboards": {"enabled": True}}
    return render("test", {"monitoring": shown})


def test_the_chart_gives_every_alert_the_address_of_its_runbook_and_changes_nothing_else(
    rendered: list[dict[str, Any]],
) -> None:
    [rules] = of_kind(rendered, "PrometheusRule")
    groups = {group["name"]: group["rules"] for group in rules["spec"]["groups"]}
    addresses = {rule["alert"]: rule["annotations"].pop("runbook_url") for found in groups.values() for rule in found}
    assert groups == GROUPS
    assert addresses == {name: f"https://docs.example.org/runbooks/{kebab(name)}/" for name in RULES}


def test_the_chart_gives_the_dashboards_as_they_are(rendered: list[dict[str, Any]]) -> None:
    given: dict[str, str] = {}
    for each in of_kind(rendered, "ConfigMap"):
        if "grafana_dashboard" in each["metadata"]["labels"]:
            given |= each["data"]
    assert {name: json.loads(text) for name, text in given.items()} == {path.name: load(path) for path in DASHBOARDS}


# ── dashboards ───────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_a_dashboard_asks_for_metrics_and_labels_that_exist(path: Path) -> None:
    assert [wrong for expression in queries(load(path)) for wrong in unknown_names(expression)] == []


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_a_dashboard_fits_every_grafana(path: Path) -> None:
    dashboard = load(path)
    assert dashboard["schemaVersion"] >= 41
    # With an id of its own it could not stand in two folders, one for each installation.
    assert dashboard.get("uid") is None
    assert dashboard["id"] is None
    assert [variable["name"] for variable in dashboard["templating"]["list"]] == ["datasource", "namespace", "source"]
    shown = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert {panel["datasource"]["uid"] for panel in shown} == {"${datasource}"}
    assert all(panel["title"] and panel["description"] for panel in shown)
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    cells = [cell for panel in dashboard["panels"] for cell in cells_of(panel["gridPos"])]
    assert len(cells) == len(set(cells)), "panels lie on each other"
    assert max(column for column, _ in cells) < 24


def cells_of(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    for column in range(place["x"], place["x"] + place["w"]):
        for row in range(place["y"], place["y"] + place["h"]):
            yield column, row


# ── evaluated by Prometheus itself ───────────────────────────────────────────────────────────────
@pytest.fixture(scope="session")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        missing("promtool", "install prometheus")
    assert found is not None
    return found


@pytest.fixture
def rules_file(tmp_path: Path) -> Path:
    """The alerts as the chart gives them to Prometheus."""
    return write_rules(tmp_path, GROUPS)


def write_rules(folder: Path, groups: dict[str, list[Rule]]) -> Path:
    path = folder / "rules.yaml"
    path.write_text(json.dumps({"groups": [{"name": name, "rules": rules} for name, rules in groups.items()]}))
    return path


def run(promtool: str, *arguments: str | Path) -> str:
    done = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_the_rules(promtool: str, rules_file: Path) -> None:
    assert f"{len(RULES)} rules found" in run(promtool, "check", "rules", rules_file)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_prometheus_takes_what_a_dashboard_asks(promtool: str, path: Path, tmp_path: Path) -> None:
    asked = [{"record": f"panel:{at}", "expr": expression} for at, expression in enumerate(queries(load(path)))]
    rules = tmp_path / "queries.yaml"
    rules.write_text(json.dumps({"groups": [{"name": path.stem, "rules": asked}]}))
    assert f"{len(asked)} rules found" in run(promtool, "check", "rules", rules)


def test_a_platform_that_is_well_alerts_nobody_while_its_fleet_is_idle(
    promtool: str, rules_file: Path, tmp_path: Path
) -> None:
    series = [{"series": name, "values": values} for name, values in WELL_AND_IDLE.items()]
    asked = [{"expr": "ALERTS", "eval_time": f"{at_min}m", "exp_samples": []} for at_min in (10, 60, 700, 1600)]
    test = {"interval": "1m", "input_series": series, "promql_expr_test": asked}
    # Not even one that waits to fire: so it is enough to look every ten minutes.
    run_tests(promtool, rules_file, tmp_path, [test], every_min=10)


def run_tests(promtool: str, rules_file: Path, folder: Path, tests: list[dict[str, Any]], every_min: int = 1) -> None:
    file = folder / "tests.yaml"
    whole = {"rule_files": [rules_file.name], "evaluation_interval": f"{every_min}m", "tests": tests}
    file.write_text(json.dumps(whole))
    run(promtool, "test", "rules", file)


def as_promtool_test(case: Case) -> dict[str, Any]:
    firing = f'ALERTS{{alertname="{case.alert}", alertstate="firing"}}'
    severity = RULES[case.alert]["labels"]["severity"]
    labels = {"alertname": case.alert, "alertstate": "firing", "severity": severity} | (case.fires or {})
    expected = "ALERTS{" + ", ".join(f'{name}="{value}"' for name, value in labels.items()) + "}"
    return {
        "name": f"{case.alert}: {case.what}",
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "promql_expr_test": [
            {
                "expr": firing,
                "eval_time": f"{case.at_min}m",
                "exp_samples": [] if case.fires is None else [{"labels": expected, "value": 1}],
            }
        ],
    }


@pytest.mark.parametrize("alert", RULES)
def test_an_alert_fires_on_what_it_is_for_and_on_nothing_else(alert: str, promtool: str, tmp_path: Path) -> None:
    cases = [case for case in CASES if case.alert == alert]
    assert {case.fires is None for case in cases} == {True, False}, "a case in which it fires, and one in which not"
    alone = write_rules(tmp_path, {"alone": [RULES[alert]]})
    run_tests(promtool, alone, tmp_path, [as_promtool_test(case) for case in cases])
