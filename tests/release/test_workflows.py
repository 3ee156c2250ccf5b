"""The workflows: what they may do, what they run, and that whoever writes a branch name or an input runs nothing."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github/actions").glob("*/action.yml"))


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def steps(path: Path) -> Iterator[Any]:
    text = read(path)
    yield from text["runs"]["steps"] if "runs" in text else ()
    for job in text.get("jobs", {}).values():
        yield from job.get("steps", ())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_nothing_but_what_each_job_says(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {}
    assert all("permissions" in job for job in workflow["jobs"].values())


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_actions_are_pinned_and_expressions_stay_out_of_shells(path: Path) -> None:
    for step in steps(path):
        assert "${{" not in step.get("run", "")
        action = step.get("uses", "./")
        assert action.startswith("./") or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)
        if action.startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_action_of_others_begins_when_a_token_or_key_is_there(path: Path) -> None:
    for job in read(path)["jobs"].values():
        assert "secrets." not in str(job.get("env", ""))
        given, all_steps = False, job.get("steps", [])
        for step in all_steps:
            of_others = "uses" in step and not step["uses"].startswith("./")
            assert not (given and of_others), step["uses"]
            given |= "secrets." in str(step)
        # What such an action does when the job ends comes after the last step.
        if any("uses" in step and not step["uses"].startswith(("./", "actions/")) for step in all_steps):
            assert all_steps[-1]["if"] == "always()"
            assert "rm -f ~/.ssh/infra-key" in all_steps[-1]["run"]


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.parent.name)
def test_an_action_of_ours_runs_none_of_others_and_leaves_no_secret_in_the_environment(path: Path) -> None:
    for step in steps(path):
        assert step.get("uses", "actions/").startswith("actions/")
        if "GITHUB_ENV" in step.get("run", ""):
            assert "env" not in step
            assert ".ssh" not in step["run"]


def test_an_alpha_is_released_from_main_when_every_other_job_of_ci_has_passed() -> None:
    jobs = read(ROOT / ".github/workflows/ci.yml")["jobs"]
    release = jobs["release-alpha"]
    assert set(release["needs"]) == set(jobs) - {"release-alpha", "smoke"}
    assert "github.event_name == 'push' && github.ref == 'refs/heads/main'" in release["if"]
    assert jobs["smoke"]["needs"] == ["release-alpha"]


@pytest.mark.parametrize("name", ["promote-staging", "promote-production"])
def test_promotions_are_started_by_hand_one_at_a_time_and_build_nothing(name: str) -> None:
    workflow = read(ROOT / f".github/workflows/{name}.yml")
    assert list(workflow["on"]) == ["workflow_dispatch"]
    assert workflow["concurrency"] == {"group": "promotion", "cancel-in-progress": False}
    (job,) = workflow["jobs"].values()
    assert job["environment"] == name.removeprefix("promote-")
    commands = " ".join(step.get("run", "") for step in job["steps"])
    assert "tools.release" in commands
    assert "images" not in commands
