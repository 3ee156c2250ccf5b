"""A release from a build to production, on a real registry and real repositories, and all that fails on the way."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from image_registry import ImageRegistry
from release.loopback import build
from release.record import IMAGES
from release.refusal import Refusal, Unfinished
from release.registry import Registry
from release.version import parse
from release_world import World


def log(world: World, path: str) -> list[str]:
    """The subjects of the commits that changed it, oldest first."""
    bare = world.infra_url.removeprefix("file://")
    command = ["git", "log", "--reverse", "--format=%s", "main", "--", path]
    return subprocess.run(command, cwd=bare, capture_output=True, text=True, check=True).stdout.splitlines()


def kinds(actions: list[Any]) -> list[str]:
    return [type(action).__name__ for action in actions]


def test_a_build_goes_to_production_without_being_built_again(world: World) -> None:
    release = world.release_alpha("0.1.0-alpha.1.1")
    world.delivery().promote_staging()
    done = world.delivery().promote_production("run 1")
    assert kinds(done) == ["Fix", *["Tag"] * len(IMAGES), "Publish", "Mark", "CommitValues", "Pin", "Bump"]
    for version in ("0.1.0-alpha.1.1", "0.1.0-rc.1", "0.1.0"):
        published = world.delivery().published(parse(version))
        assert published.complete
        assert published.images == release.images
    assert published.release == release.promoted(parse("0.1.0"))
    infra = world.infra()
    for environment, version in (("test", "0.1.0-alpha.1.1"), ("staging", "0.1.0-rc.1"), ("production", "0.1.0")):
        desired = infra.desired(environment)
        assert (desired.version, desired.images) == (parse(version), release.images)
        assert (desired.chart_revision, desired.values_revision) == (release.chart_revision, desired.values_commit)


def test_the_values_are_committed_before_the_commit_that_lets_them_run(world: World) -> None:
    before = world.infra().desired("test")
    world.release_alpha("0.1.0-alpha.1.1")
    after = world.infra().desired("test")
    assert after.values_commit != before.values_commit
    assert log(world, "environments/test") == ["Begin", "Give test the images of 0.1.0-alpha.1.1"]
    assert log(world, "applications/test.yaml") == ["Begin", "Let test run 0.1.0-alpha.1.1"]
    assert log(world, ".")[1:] == ["Give test the images of 0.1.0-alpha.1.1", "Let test run 0.1.0-alpha.1.1"]


def test_each_step_run_again_does_nothing(world: World) -> None:
    release = world.release_alpha("0.1.0-alpha.1.1")
    assert world.delivery().release_alpha(release) == []
    world.delivery().promote_staging()
    assert world.delivery().promote_staging() == []
    world.delivery().promote_production("run 1")
    assert world.delivery().promote_production("run 1") == []
    assert world.delivery().promote_production("run 2") == []


class Cut(BaseException):
    """The machine that ran the step is gone."""


def cut_after(count: int) -> Callable[[Any], None]:
    left = iter(range(count - 1))

    def tell(_: Any) -> None:
        if next(left, None) is None:
            raise Cut

    return tell


@pytest.mark.parametrize("count", [2, 7, 8])
def test_a_promotion_that_ends_half_way_is_completed_with_its_candidate_though_test_moves_on(
    world: World, count: int
) -> None:
    first = world.release_alpha("0.1.0-alpha.1.1")
    with pytest.raises(Cut):
        replace(world.delivery(), tell=cut_after(count)).promote_production("run 1")
    production = world.infra().desired("production")
    assert production.version is None or world.delivery().published(parse("0.1.0")).complete
    world.move_test("0.1.0-alpha.2.1")
    world.delivery().promote_production("run 1")
    assert world.delivery().published(parse("0.1.0")).images == first.images
    assert world.infra().desired("production").images == first.images
    assert world.delivery().project.is_proposed(parse("0.2.0"))


def test_test_that_moves_on_before_the_first_stable_tag_ends_the_promotion(world: World) -> None:
    world.release_alpha("0.1.0-alpha.1.1")
    with pytest.raises(Cut):
        replace(world.delivery(), tell=cut_after(1)).promote_production("run 1")
    second = world.release_alpha("0.1.0-alpha.2.1")
    with pytest.raises(Refusal, match="start a new promotion"):
        world.delivery().promote_production("run 1")
    assert not world.delivery().published(parse("0.1.0")).begun
    world.delivery().promote_production("run 2")
    assert world.delivery().published(parse("0.1.0")).images == second.images


def test_a_registry_that_dies_half_way_leaves_production_alone_and_a_rerun_completes(
    world: World, tmp_path: Path
) -> None:
    server = ImageRegistry(tmp_path / "mortal")
    server.start()
    world.registry = Registry(f"{server.address}/sens")
    release = world.release_alpha("0.1.0-alpha.1.1")
    told: list[Any] = []

    def kill_after_three(action: Any) -> None:
        told.append(action)
        if len(told) == 3:
            server.kill()

    with pytest.raises(Unfinished, match="run this again"):
        replace(world.delivery(), tell=kill_after_three).promote_production("run 1")
    assert kinds(told) == ["Fix", "Tag", "Tag"]
    assert world.infra().desired("production").version is None
    server.start()
    world.delivery().promote_production("run 1")
    assert world.infra().desired("production").images == release.images
    server.stop()


def test_a_push_of_somebody_else_in_between_is_looked_at_and_kept(world: World) -> None:
    release = build(world.registry, parse("0.1.0-alpha.1.1"), world.project_url, "a")
    delivery = world.delivery()
    other = world.clone(world.infra_url)

    class Racing:
        """Lets somebody push between the look and the first write."""

        def __getattr__(self, name: str) -> Any:
            return getattr(delivery.infra, name)

        def commit_values(self, *arguments: Any) -> None:
            if other.read("note") is None:
                other.commit("Note", {"note": "kept"})
            delivery.infra.commit_values(*arguments)

    done = replace(delivery, infra=Racing()).release_alpha(release)
    assert kinds(done)[-2:] == ["CommitValues", "Pin"]
    assert log(world, ".")[1:-1] == ["Note", "Give test the images of 0.1.0-alpha.1.1"]


def test_an_older_build_that_finishes_later_does_not_move_test_back(world: World) -> None:
    older = build(world.registry, parse("0.1.0-alpha.9.1"), world.project_url, "older")
    newer = world.release_alpha("0.1.0-alpha.10.1")
    with pytest.raises(Refusal, match="never moves to the lower"):
        world.delivery().release_alpha(older)
    assert world.infra().desired("test").images == newer.images


def test_a_stable_tag_of_another_image_stops_the_promotion_before_production(world: World) -> None:
    world.release_alpha("0.1.0-alpha.1.1")
    other = build(world.registry, parse("0.1.0-alpha.2.1"), world.project_url, "other")
    world.registry.tag("docs", other.images["docs"], "0.1.0")
    with pytest.raises(Refusal, match=r"0\.1\.0 exists, of other images"):
        world.delivery().promote_production("run 1")
    assert world.infra().desired("production").version is None


@pytest.mark.parametrize("promote", ["promote_staging", "promote_production"])
def test_what_test_does_not_run_well_is_not_promoted(world: World, promote: str) -> None:
    def step() -> None:
        delivery = world.delivery()
        delivery.promote_staging() if promote == "promote_staging" else delivery.promote_production("run 1")

    with pytest.raises(Refusal, match="test runs nothing"):
        step()
    release = world.release_alpha("0.1.0-alpha.1.1")
    world.test.healthy = False
    with pytest.raises(Refusal, match="readyz"):
        step()
    world.test.healthy, world.test.version = True, "0.1.0-alpha.0.1"
    with pytest.raises(Refusal, match="wait until it is deployed"):
        step()
    world.test.run(release)
    step()


def test_a_candidate_that_differs_from_the_staged_rc_is_staged_first(world: World) -> None:
    world.release_alpha("0.1.0-alpha.1.1")
    world.delivery().promote_staging()
    world.release_alpha("0.1.0-alpha.2.1")
    with pytest.raises(Refusal, match=r"0\.1\.0-rc\.1 was staged"):
        world.delivery().promote_production("run 1")
    world.delivery().promote_staging()
    world.delivery().promote_production("run 1")
    assert world.infra().desired("staging").version == parse("0.1.0-rc.2")


def test_no_alpha_is_built_of_what_is_out_until_the_proposed_version_is_merged(world: World) -> None:
    world.release_alpha("0.1.0-alpha.1.1")
    world.delivery().promote_production("run 1")
    with pytest.raises(Refusal, match="merge the change of the next version"):
        world.release_alpha("0.1.0-alpha.2.1")
    project = world.delivery().project
    assert project.declared == parse("0.1.0")
    assert project.is_proposed(parse("0.2.0"))
    world.release_alpha("0.2.0-alpha.3.1")
    world.delivery().promote_production("run 2")
    assert world.infra().desired("production").version == parse("0.2.0")


def test_production_goes_back_to_a_published_stable_only_when_that_is_meant(world: World) -> None:
    first = world.release_alpha("0.1.0-alpha.1.1")
    world.delivery().promote_production("run 1")
    world.release_alpha("0.2.0-alpha.2.1")
    world.delivery().promote_production("run 2")
    with pytest.raises(Refusal, match="rollback"):
        world.delivery().deploy("production", parse("0.1.0"))
    world.delivery().deploy("production", parse("0.1.0"), back=True)
    assert world.infra().desired("production").images == first.images


def test_production_does_not_go_back_to_what_the_schema_is_too_new_for(world: World) -> None:
    world.release_alpha("0.1.0-alpha.1.1", schema_revision="0007")
    world.delivery().promote_production("run 1")
    world.release_alpha("0.2.0-alpha.2.1", schema_revision="0009", oldest_schema_revision="0008")
    world.delivery().promote_production("run 2")
    with pytest.raises(Refusal, match=r"0\.1\.0 knows the schema up to 0007, and that of 0\.2\.0 is for"):
        world.delivery().deploy("production", parse("0.1.0"), back=True)
    assert world.infra().desired("production").version == parse("0.2.0")


def test_a_promotion_that_is_not_finished_is_not_finished_by_another(world: World) -> None:
    world.release_alpha("0.1.0-alpha.1.1")
    with pytest.raises(Cut):
        replace(world.delivery(), tell=cut_after(2)).promote_production("run 1")
    world.move_test("0.1.0-alpha.2.1")
    half_done = world.delivery().published(parse("0.1.0")).images
    with pytest.raises(Refusal, match=r"0\.1\.0 is not finished: run that again, or complete it by .* 'run 1'"):
        world.delivery().promote_production("run 2")
    assert world.delivery().published(parse("0.1.0")).images == half_done
    world.delivery().promote_production("run 1")
    assert world.infra().desired("production").version == parse("0.1.0")
    assert world.delivery().project.is_proposed(parse("0.2.0"))
