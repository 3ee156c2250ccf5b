"""Releases on a real cluster with a real Argo CD, in order: from nothing to production, a second one, a bad one, and
back. Readings flow through all of it, and none that was acknowledged is missing at the end."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

import argo_cd
from argo_cd import ArgoCd, User, application, is_deployed, refresh, sync_status
from kube import CommandFailed, eventually, run
from kube_api import flows_on
from kube_device import DEVICE, METRIC
from platform_repository import StepFailed
from rehearsal_world import PASSWORD, Environment, Rehearsal

UNAUTHORIZED, FORBIDDEN = 401, 403
# Argo CD looks at Git and at what runs within three minutes: what has not happened by then does not.
LOOKS_WITHIN_S = 200.0
OURS = "app.kubernetes.io/instance=sens"
"""Label of all that the chart makes; the tests' device has policies of its own beside it."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    return Rehearsal(tmp_path_factory.mktemp("rehearsal"))


@pytest.fixture(scope="module")
def argo() -> Iterator[ArgoCd]:
    with argo_cd.argo_cd() as found:
        yield found


@pytest.fixture(scope="module")
def admin(argo: ArgoCd) -> User:
    return argo.as_user("admin", argo_cd.initial_password())


@pytest.fixture(scope="module")
def sebastian(argo: ArgoCd, admin: User) -> User:
    admin.set_password("sebastian", argo_cd.initial_password(), PASSWORD)
    return argo.as_user("sebastian", PASSWORD)


@pytest.fixture(scope="module")
def guest(argo: ArgoCd, admin: User) -> User:
    """Another local user."""
    admin.set_password("guest", argo_cd.initial_password(), PASSWORD)
    return argo.as_user("guest", PASSWORD)


def test_the_environments_are_bootstrapped_from_the_generated_repository(here: Rehearsal) -> None:
    here.clean()
    here.platform.begin()
    here.bootstrap()
    for environment in here.environments:
        seen = eventually(lambda name=environment.name: application(name), "the root Application to make the others")
        assert [source["targetRevision"] for source in seen["spec"]["sources"]] == ["0" * 40] * 2


def test_a_build_of_main_is_run_by_test_by_itself(here: Rehearsal) -> None:
    here.alphas.append(here.platform.release_alpha())
    here.test.is_to_run(here.alphas[0])
    here.test.begin()


def test_what_people_change_in_test_by_hand_is_healed(here: Rehearsal) -> None:
    release, worker = here.test.release, ("deployment", "sens-telemetry-worker")
    policies = _policies(here.test)
    assert len(policies) > 1
    release.kubectl("scale", "/".join(worker), "--replicas=0")
    release.kubectl("delete", "networkpolicy", "--selector", OURS)
    eventually(lambda: release.get(*worker)["status"].get("readyReplicas"), "the worker to be back")
    eventually(lambda: _policies(here.test) == policies, "the policies to be back")
    before = len(here.test.api.values(DEVICE, METRIC))
    eventually(lambda: len(here.test.api.values(DEVICE, METRIC)) > before, "readings to be stored")
    flows_on(here.test.api)


def test_a_smoke_test_that_is_gone_as_after_its_time_to_live_is_not_made_again(here: Rehearsal) -> None:
    eventually(lambda: is_deployed("test"), "what was healed to be deployed")
    jobs = ("jobs", "--selector", "app.kubernetes.io/component=smoke-test")
    here.test.release.kubectl("delete", *jobs)
    before = application("test")["status"]
    refresh("test")
    eventually(lambda: application("test")["status"]["reconciledAt"] > before["reconciledAt"], "Argo CD to compare")
    after = application("test")["status"]
    assert after["sync"]["status"] == "Synced"
    assert after["operationState"]["finishedAt"] == before["operationState"]["finishedAt"]
    assert not here.test.release.get(*jobs)["items"]


def test_what_test_runs_is_staged(here: Rehearsal) -> None:
    with here.test.urls() as urls:
        here.platform.step("stage", *urls)
    here.staging.is_to_run("0.1.0-rc.1")


def test_a_promotion_leaves_production_out_of_sync(here: Rehearsal) -> None:
    here.promote("promotion 1")
    refresh("root")
    eventually(lambda: sync_status("production") == "OutOfSync", "production to be out of sync")
    time.sleep(LOOKS_WITHIN_S)
    assert sync_status("production") == "OutOfSync"
    assert "operationState" not in application("production")["status"]
    assert here.production.release.pods() == []


def test_nobody_but_sebastian_and_admin_may_sync_production(
    here: Rehearsal, argo: ArgoCd, guest: User, sebastian: User
) -> None:
    assert User(argo.anonymous).sync("production").status_code == UNAUTHORIZED
    assert guest.sync("production").status_code == FORBIDDEN
    assert guest.see("production").status_code == FORBIDDEN
    assert sebastian.see("production").is_success
    for name in ("root", "test", "staging"):
        assert sebastian.sync(name).status_code == FORBIDDEN
    assert here.production.release.pods() == []


def test_sebastian_may_change_nothing_of_production(sebastian: User) -> None:
    assert sebastian.delete("production").status_code == FORBIDDEN
    automated = {"spec": {"syncPolicy": {"automated": {"enabled": True}}}}
    assert sebastian.change("production", automated).status_code == FORBIDDEN


def test_sebastian_may_sync_nothing_but_what_is_pinned(here: Rehearsal, sebastian: User) -> None:
    older = here.platform.revision("HEAD~1")
    ways: dict[str, dict[str, Any]] = {
        "without prune": {"prune": False},
        "without hooks": {"strategy": {"apply": {}}},
        "another revision": {"revisions": [older], "sourcePositions": [1]},
        "a part": {"resources": [{"kind": "ConfigMap", "name": "sens-config", "namespace": "sens-production"}]},
        "other manifests": {"manifests": ['{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}']},
    }
    for way, request in ways.items():
        answer = sebastian.sync("production", **request)
        assert not answer.is_success, way
    assert here.production.release.pods() == []


def test_who_is_said_to_sync_is_believed_of_nobody_but_argo_cd(here: Rehearsal) -> None:
    """As whoever may write the Application's file in Git could have the root Application apply it."""
    operation = {"initiatedBy": {"username": "admin"}, "sync": {"revisions": ["a" * 40, "b" * 40]}}
    patch = json.dumps({"operation": operation})
    command = ("kubectl", "--namespace", argo_cd.NAMESPACE, "patch", "application", "production", "--type", "merge")
    with pytest.raises(CommandFailed, match="by Argo CD's API server only"):
        run(*command, "--patch", patch)
    assert here.production.release.pods() == []


def test_sebastian_syncs_production(here: Rehearsal, sebastian: User) -> None:
    sebastian.sync("production").raise_for_status()
    here.production.is_to_run("0.1.0")
    here.production.begin()


def test_a_second_release_goes_the_same_way(here: Rehearsal, sebastian: User) -> None:
    here.platform.merge("next-version-0.2.0")
    here.platform.add_migration()
    here.alphas.append(here.platform.release_alpha())
    assert here.alphas[1].startswith("0.2.0-alpha.")
    here.test.is_to_run(here.alphas[1])
    with here.test.urls() as urls:
        here.platform.step("stage", *urls)
    here.staging.is_to_run("0.2.0-rc.1")
    here.promote("promotion 2")
    eventually(lambda: sync_status("production") == "OutOfSync", "production to be out of sync")
    assert here.production.version == "0.1.0"
    sebastian.sync("production").raise_for_status()
    here.production.is_to_run("0.2.0")
    flows_on(here.production.api)


def test_no_deployment_mixed_two_releases(here: Rehearsal) -> None:
    """Argo CD tells of every deployment which chart and which values it had."""
    for environment in here.environments:
        deployed = {tuple(each["revisions"]) for each in application(environment.name)["status"]["history"]}
        assert len(deployed) == 2
        assert deployed == here.infra.pinned(environment.name)


def test_sebastian_may_not_roll_back_to_what_is_not_pinned_and_admin_may(
    here: Rehearsal, sebastian: User, admin: User
) -> None:
    first = application("production")["status"]["history"][0]["id"]
    assert not sebastian.roll_back("production", first).is_success
    assert here.production.version == "0.2.0"
    admin.roll_back("production", first).raise_for_status()
    eventually(lambda: here.production.version == "0.1.0", "production to be what it was first")
    here.production.release.wait_rolled_out()
    sebastian.sync("production").raise_for_status()
    here.production.is_to_run("0.2.0")


def test_a_bad_alpha_never_becomes_stable(here: Rehearsal) -> None:
    here.platform.merge("next-version-0.3.0")
    here.platform.break_docs()
    here.alphas.append(here.platform.release_alpha())
    refresh("root")
    failed = eventually(lambda: _failed(here.test), "test to see that it does not work")
    assert "smoke" in json.dumps(failed["syncResult"]["resources"])
    with here.test.urls() as urls:
        for step in (["stage"], ["promote", "--promotion", "promotion 3"]):
            with pytest.raises(StepFailed, match="test does not work"):
                here.platform.step(*step, *urls)
    assert not here.platform.registry.tags("release") & {"0.3.0", "0.3.0-rc.1"}
    assert here.production.version == "0.2.0"


def test_a_mended_alpha_follows_by_itself(here: Rehearsal) -> None:
    here.platform.revert()
    here.alphas.append(here.platform.release_alpha())
    here.test.is_to_run(here.alphas[3])


def test_production_goes_back_to_a_published_stable(here: Rehearsal, sebastian: User) -> None:
    with pytest.raises(StepFailed, match=r"never moves to the lower 0\.1\.0 by itself"):
        here.platform.step("deploy", "production", "0.1.0")
    here.platform.step("deploy", "production", "0.1.0", "--back")
    refresh("root")
    eventually(lambda: sync_status("production") == "OutOfSync", "production to be out of sync")
    sebastian.sync("production").raise_for_status()
    here.production.is_to_run("0.1.0")
    flows_on(here.production.api)


def test_what_runs_is_what_was_released(here: Rehearsal) -> None:
    with here.production.release.forwarded("platform-api") as api:
        here.platform.step("check", "0.1.0", "--api", api)
    with here.test.release.forwarded("platform-api") as api:
        here.platform.step("check", here.alphas[-1], "--api", api)


def test_nothing_is_missing_and_the_books_balance(here: Rehearsal) -> None:
    for environment in (here.test, here.production):
        sent, api = environment.end(), environment.api
        eventually(lambda it=api, n=sent: len(it.values(DEVICE, METRIC)) >= n, "every reading to be stored")
        assert api.values(DEVICE, METRIC) == list(range(sent)), environment.name
        books = api.ledger()
        assert books["balanced"]
        assert books["lost"] == 0


def _policies(environment: Environment) -> set[str]:
    """Names of those that the chart makes."""
    found = environment.release.get("networkpolicies", "--selector", OURS)["items"]
    return {each["metadata"]["name"] for each in found}


def _failed(environment: Environment) -> dict[str, object] | None:
    state = application(environment.name)["status"].get("operationState", {})
    return state if state.get("phase") == "Failed" else None
