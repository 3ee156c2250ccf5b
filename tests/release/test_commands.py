"""The steps by their commands, as workflows call them: on a real registry and real repositories."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from release.loopback import build
from release.record import Release, read
from release.version import parse
from release_world import World

ROOT = Path(__file__).resolve().parents[2]
REFUSED, WRONG, UNFINISHED = 1, 2, 3

Step = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def step(world: World) -> Step:
    """Runs a step in a checkout of the platform's repository."""
    checkout = world.folder / "project"
    migrations = checkout / "src/sens/storage/migrations/versions"
    migrations.mkdir(parents=True)
    (migrations / "0007_newest.sql").touch()
    (migrations / "0006_older.sql").write_text("UPDATE storage SET oldest_revision = '0006';\n")
    given = {
        "IMAGE_PREFIX": world.registry.prefix,
        "INFRA_REPOSITORY": world.infra_url,
        "PLATFORM_REPOSITORY": world.project_url,
        "PYTHONPATH": str(ROOT),
    }

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tools.release", *arguments]
        variables = {**os.environ, **given, **environment}
        return subprocess.run(command, cwd=checkout, env=variables, capture_output=True, text=True, check=False)

    return run


def built(world: World) -> tuple[Release, list[str]]:
    """A build of what is checked out, whose images are in the registry, and how they are named to `alpha`."""
    release = build(world.registry, parse("0.1.0-alpha.5.2"), world.project_url, "a commit")
    subprocess.run(["git", "pull", "--quiet"], cwd=world.folder / "project", check=True)
    return release, [f"{image}={digest}" for image, digest in release.images.items()]


RUN = ("--run", "5", "--attempt", "2")
CI_RUN = ("--ci-run", "https://ci.example.org/runs/5/2")


def test_a_release_goes_from_a_build_to_production_by_its_commands(world: World, step: Step) -> None:
    release, images = built(world)
    assert step("version", *RUN).stdout == "0.1.0-alpha.5.2\n"
    document = world.folder / "release.json"
    done = step("alpha", *RUN, *CI_RUN, "--document", str(document), *images)
    assert (done.returncode, done.stderr) == (0, "")
    assert "test's Application pins chart and values of 0.1.0-alpha.5.2" in done.stdout
    written = read(document.read_bytes(), Release, "it")
    assert (written.git_sha, written.images) == (release.git_sha, release.images)
    assert (written.schema_revision, written.oldest_schema_revision) == ("0007", "0006")
    world.test.run(written)
    urls = ("--api", world.test.url, "--docs", world.test.url)
    assert step("smoke", "test", *urls).stdout == "test runs 0.1.0-alpha.5.2 and works\n"
    assert step("stage", *urls).returncode == 0
    promoted = step("promote", "--promotion", "6", "--document", str(document), *urls)
    assert promoted.stdout.endswith("production is to run 0.1.0: sync it in Argo CD\n")
    stable = json.loads(document.read_bytes())
    assert (stable["version"], stable["promoted_from"]) == ("0.1.0", "0.1.0-alpha.5.2")
    infra = world.infra()
    assert [str(infra.desired(name).version) for name in ("staging", "production")] == ["0.1.0-rc.1", "0.1.0"]
    for again in (("alpha", *RUN, *CI_RUN, *images), ("stage", *urls), ("promote", "--promotion", "6", *urls)):
        done = step(*again)
        told = [line for line in done.stdout.splitlines() if "sync it" not in line]
        if again[0] == "stage":
            assert "0.1.0 exists: nothing is staged for it any more" in done.stderr
        else:
            assert (done.returncode, told) == (0, [])


def test_a_refusal_is_one_sentence_that_says_what_to_do(world: World, step: Step) -> None:
    done = step("stage")
    assert done.returncode == REFUSED
    assert done.stderr == "refused: test runs nothing: release an alpha to test first\n"
    _, images = built(world)
    assert step("alpha", *RUN, *CI_RUN, *images).returncode == 0
    assert "values.yaml publishes no API or no docs: say where they are" in step("stage").stderr
    assert "there are test, staging, production" in step("deploy", "live", "0.1.0").stderr
    assert "0.1.0 is not published whole" in step("deploy", "production", "0.1.0").stderr
    assert "name each image once" in step("alpha", *RUN, *CI_RUN, "docs=latest").stderr
    assert "INFRA_REPOSITORY is not set" in step("stage", INFRA_REPOSITORY="").stderr
    assert "IMAGE_PREFIX is not set" in step("stage", IMAGE_PREFIX="").stderr
    assert step("stage", "--soon").returncode == WRONG


def test_what_does_not_answer_leaves_a_step_unfinished(world: World, step: Step) -> None:
    _, images = built(world)
    done = step("alpha", *RUN, *CI_RUN, *images, IMAGE_PREFIX="127.0.0.1:1/sens-platform")
    assert done.returncode == UNFINISHED
    assert done.stderr.startswith("unfinished: 127.0.0.1:1/sens-platform does not answer")
    done = step("stage", INFRA_REPOSITORY=(world.folder / "nowhere").as_uri())
    assert done.returncode == UNFINISHED


def test_test_that_runs_something_else_or_does_not_work_fails_the_smoke_test(world: World, step: Step) -> None:
    _, images = built(world)
    step("alpha", *RUN, *CI_RUN, *images)
    urls = ("--api", world.test.url, "--docs", world.test.url)
    done = step("smoke", "test", *urls)
    assert done.returncode == REFUSED
    assert "unreleased runs, not 0.1.0-alpha.5.2" in done.stderr
    world.test.healthy = False
    assert "/readyz" in step("smoke", "test", *urls).stderr


def test_a_release_is_compared_with_its_images_and_with_what_runs(world: World, step: Step) -> None:
    release, images = built(world)
    step("alpha", *RUN, *CI_RUN, *images)
    done = step("check", "0.1.0-alpha.5.2")
    assert done.stdout == f"0.1.0-alpha.5.2 is commit {release.git_sha}, built by {CI_RUN[1]}\n"
    assert "unreleased runs, not 0.1.0-alpha.5.2" in step("check", "0.1.0-alpha.5.2", "--api", world.test.url).stderr
    other = build(world.registry, parse("0.1.0-alpha.6.1"), world.project_url, "another")
    built_elsewhere = [f"{image}={digest}" for image, digest in other.images.items()]
    step("alpha", "--run", "6", "--attempt", "1", *CI_RUN, *built_elsewhere)
    wrong = step("check", "0.1.0-alpha.6.1").stderr
    assert f"docs for linux/arm64 is labelled {other.git_sha}, the document says {release.git_sha}" in wrong


def test_the_tag_of_a_release_in_git_never_moves(world: World, step: Step) -> None:
    _, images = built(world)
    step("alpha", *RUN, *CI_RUN, *images)
    world.test.run(world.delivery().published(parse("0.1.0-alpha.5.2")).release or pytest.fail("it is not there"))
    bare = world.project_url.removeprefix("file://")
    subprocess.run(["git", "tag", "v0.1.0", "main~1"], cwd=bare, check=True)
    urls = ("--api", world.test.url, "--docs", world.test.url)
    done = step("promote", "--promotion", "6", *urls)
    assert "a tag never moves. Find out who made it, and take it away" in done.stderr
    assert world.infra().desired("production").version is None
    subprocess.run(["git", "tag", "--delete", "v0.1.0"], cwd=bare, check=True)
    assert step("promote", "--promotion", "6", *urls).returncode == 0
    published = world.delivery().published(parse("0.1.0")).release
    assert published is not None
    named = ["git", "rev-parse", "v0.1.0^{commit}"]
    assert subprocess.check_output(named, cwd=bare, text=True).strip() == published.git_sha
