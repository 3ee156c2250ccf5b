"""The rules of releases: from what was read, the next actions, none if all is done, or a refusal that says what to do.

Nothing here reads or writes. When the actions have been carried out, the next ones are decided from what is read then,
so that a step which ended half-way is completed by running it again, whatever happened meanwhile.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .infra import Desired
from .record import IMAGES, Candidate, Release, Smoke
from .refusal import Refusal
from .version import Kind, Version, parse

TEST: Final = "test"
STAGING: Final = "staging"
PRODUCTION: Final = "production"
KINDS: Final = {TEST: Kind.ALPHA, STAGING: Kind.RC, PRODUCTION: Kind.STABLE}
"""What an environment runs."""


@dataclass(frozen=True, slots=True)
class Published:
    """What the registry has of a version.

    Attributes:
        version: which.
        images: the digests of those images that have its tag.
        release: its document, which is written last.
    """

    version: Version
    images: Mapping[str, str]
    release: Release | None = None

    @property
    def begun(self) -> bool:
        return bool(self.images) or self.release is not None

    @property
    def complete(self) -> bool:
        return self.release is not None and self.images == self.release.images


@dataclass(frozen=True, slots=True)
class Tag:
    """Give an image the tag of a version."""

    image: str
    digest: str
    version: Version


@dataclass(frozen=True, slots=True)
class Publish:
    """Write a release's document, after all its tags."""

    release: Release


@dataclass(frozen=True, slots=True)
class CommitValues:
    """Write a release's images into the values of an environment, which nothing deploys yet."""

    environment: str
    release: Release


@dataclass(frozen=True, slots=True)
class Pin:
    """Let an environment run a chart and values, both at once."""

    environment: str
    version: Version
    chart_revision: str
    values_revision: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Record what a promotion goes on with."""

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class Mark:
    """Give the commit of a stable release its tag in Git."""

    version: Version
    git_sha: str


@dataclass(frozen=True, slots=True)
class Bump:
    """Propose the next version, on a branch of its own."""

    version: Version


Action = Tag | Publish | CommitValues | Pin | Fix | Mark | Bump


def publish(release: Release, seen: Published) -> list[Action]:
    """All images under the release's tag, then its document."""
    if seen.release is not None and seen.release != release:
        raise Refusal(
            f"{release.version} is published, and is not this: a release is never replaced. Release under the next"
            " version"
        )
    for image, there in seen.images.items():
        if there != release.images[image]:
            raise Refusal(
                f"{image}:{release.version} is {there}, not {release.images[image]}: a tag never moves. Find out who"
                " wrote it; release under the next version"
            )
    missing = [image for image in IMAGES if image not in seen.images]
    tags: list[Action] = [Tag(image, release.images[image], release.number) for image in missing]
    return tags if seen.release else [*tags, Publish(release)]


def publish_alpha(release: Release, seen: Published, stable: Published) -> list[Action]:
    """A build of main, unless what it leads to is out already."""
    if release.number.kind is not Kind.ALPHA:
        raise Refusal(f"{release.version} is no alpha: builds of main are called X.Y.Z-alpha.<run>.<attempt>")
    if stable.begun and not seen.complete:
        raise Refusal(
            f"{stable.version} exists, so no alpha of it is built any more: merge the change of the next version in"
            " pyproject.toml, which the promotion proposed, and build again"
        )
    return publish(release, seen)


def deploy(environment: str, seen: Published, desired: Desired, left: Published | None = None) -> list[Action]:
    """An environment's values, then the pins of its Application: two commits, since one could be deployed by halves.

    Args:
        environment: test, staging or production.
        seen: what it is to run.
        desired: what it is to run so far.
        left: that version, where it is meant to go back to a lower one; None: it is not.
    """
    release = seen.release
    if release is None or not seen.complete:
        raise Refusal(f"{seen.version} is not published whole: run the step that publishes it again")
    if seen.version.kind is not KINDS[environment]:
        raise Refusal(f"{environment} runs {KINDS[environment]} versions only: {seen.version} is none")
    if desired.version is not None and seen.version < desired.version and left is None:
        raise Refusal(
            f"{environment} is to run {desired.version} already, and never moves to the lower {seen.version} by itself:"
            " nothing is to be done, or a rollback is to be asked for"
        )
    if left is not None and left.release is not None:
        _check_schema(release, left.release)
    if desired.version != seen.version:
        return [CommitValues(environment, release)]
    if desired.images != release.images:
        raise Refusal(
            f"{environment}'s values name other images than {seen.version} has: put back what the release wrote"
        )
    if (desired.chart_revision, desired.values_revision) != (release.chart_revision, desired.values_commit):
        return [Pin(environment, seen.version, release.chart_revision, desired.values_commit)]
    return []


def _check_schema(to: Release, left: Release) -> None:
    """Before anything moves: whether the lower version works with the schema that the other one has made."""
    if int(to.schema_revision) < int(left.oldest_schema_revision):
        raise Refusal(
            f"{to.version} knows the schema up to {to.schema_revision}, and that of {left.version} is for builds that"
            f" know {left.oldest_schema_revision}: it would not start. Go forward: release a mended version"
        )


def candidate_of(promotion: str, test: Desired, alpha: Published, smoke: Smoke) -> Candidate:
    """What test runs now, if the infrastructure repository, the registry and test itself say the same of it."""
    release = alpha.release
    if release is None or not alpha.complete or alpha.images != test.images:
        raise Refusal(f"test's values are not those of a published {alpha.version}: release an alpha to test first")
    if (test.chart_revision, test.values_revision) != (release.chart_revision, test.values_commit):
        raise Refusal(f"test's Application does not pin {alpha.version}: run the deployment to test again")
    if (smoke.version, smoke.git_sha) != (release.version, release.git_sha):
        raise Refusal(
            f"test answers that it runs {smoke.version or 'nothing'} of commit {smoke.git_sha or 'unknown'}, not"
            f" {release.version} of {release.git_sha}: wait until it is deployed, and run this again"
        )
    if smoke.failures:
        raise Refusal(f"test does not work ({'; '.join(smoke.failures)}): mend it, release that to test, promote that")
    return Candidate(
        promotion=promotion,
        infra_commit=test.commit,
        alpha=release.version,
        images=release.images,
        chart_revision=release.chart_revision,
        git_sha=release.git_sha,
        smoke=smoke,
    )


@dataclass(frozen=True, slots=True)
class Tested:
    """What test runs, and what was made of it so far.

    Attributes:
        desired: what it is to run.
        alpha: that version in the registry.
        smoke: what test answers.
        rcs: those of the same X.Y.Z, ascending.
        stable: X.Y.Z.
    """

    desired: Desired
    alpha: Published
    smoke: Smoke
    rcs: Sequence[Published]
    stable: Published


def stage(tested: Tested) -> list[Action]:
    """The alpha that test runs as the next rc; the last one if that has the same images."""
    candidate = candidate_of("staging", tested.desired, tested.alpha, tested.smoke)
    if tested.stable.begun:
        raise Refusal(
            f"{tested.stable.version} exists: nothing is staged for it any more. Release the next version to test"
        )
    if tested.rcs and tested.rcs[-1].complete and tested.rcs[-1].images == candidate.images:
        return []
    rc = _rc_to_write(tested, candidate.images)
    assert tested.alpha.release is not None
    return publish(tested.alpha.release.promoted(rc.version), rc)


def _rc_to_write(tested: Tested, images: Mapping[str, str]) -> Published:
    """The last rc, if it was begun with these images and not completed; else a further one."""
    if not tested.rcs:
        return Published(tested.stable.version.rc(1), {})
    last = tested.rcs[-1]
    if not last.complete and last.images.items() <= images.items():
        return last
    return Published(last.version.rc(last.version.numbers[0] + 1), {})


@dataclass(frozen=True, slots=True)
class Begun:
    """A promotion to production that was begun.

    Attributes:
        candidate: what it has fixed.
        alpha: that version in the registry.
        stable: what becomes of it there.
    """

    candidate: Candidate
    alpha: Published
    stable: Published


def promote(promotion: str, begun: Begun | None, tested: Tested | None) -> list[Action]:
    """The alpha that test runs as a stable version: fixed once, then whatever test does.

    Args:
        promotion: the run, the same in a re-run.
        begun: the promotion that was begun last.
        tested: what test runs; None if it is to run nothing yet.
    """
    if begun is not None:
        ours = begun.candidate.promotion == promotion
        if not ours and begun.stable.begun and not begun.stable.complete:
            raise Refusal(
                f"the promotion of {begun.candidate.version} is not finished: run that again, or complete it by"
                f" `promote --promotion {shlex.quote(begun.candidate.promotion)}`"
            )
        if ours and begun.stable.complete:
            return []
        if ours:
            if not begun.stable.begun:
                _check_test_stands(begun.candidate, tested)
            return _go_on(begun)
    if tested is None:
        raise Refusal("test runs nothing: release an alpha to test first")
    return _begin(promotion, tested)


def _begin(promotion: str, tested: Tested) -> list[Action]:
    candidate = candidate_of(promotion, tested.desired, tested.alpha, tested.smoke)
    stable = tested.stable
    if stable.complete and stable.images == candidate.images:
        return []
    if stable.begun:
        raise Refusal(
            f"{stable.version} exists, of other images than test's {candidate.alpha}: merge the change of the next"
            " version in pyproject.toml, which its promotion proposed (if there is none, run that again), release an"
            " alpha of that to test and promote it"
        )
    staged = [rc for rc in tested.rcs if rc.complete]
    if staged and staged[-1].images != candidate.images:
        raise Refusal(
            f"{staged[-1].version} was staged, of other images than test's {candidate.alpha}: stage that, look at it,"
            " and promote it"
        )
    return [Fix(candidate)]


def _check_test_stands(candidate: Candidate, tested: Tested | None) -> None:
    """Before the first stable tag, what was fixed must still be what test runs, and work."""
    fixed = (parse(candidate.alpha), candidate.infra_commit)
    if tested is None or (tested.desired.version, tested.desired.commit) != fixed:
        raise Refusal(
            f"test has moved on from {candidate.alpha}, and nothing of {candidate.version} is published: start a new"
            " promotion, of what test runs now"
        )
    candidate_of(candidate.promotion, tested.desired, tested.alpha, tested.smoke)


def _go_on(begun: Begun) -> list[Action]:
    release = begun.alpha.release
    if release is None or release.images != begun.candidate.images:
        raise Refusal(
            f"the registry has no {begun.candidate.alpha} with the images of {begun.candidate.version}'s candidate: put"
            " it back from a backup of the registry"
        )
    return publish(release.promoted(begun.candidate.version), begun.stable)


def mark(seen: Published, tagged: str | None) -> list[Action]:
    """The Git tag of a stable release.

    Args:
        seen: the release in the registry.
        tagged: the commit that has its tag; None: none has.
    """
    release = seen.release
    if release is None or not seen.complete:
        raise Refusal(f"{seen.version} is not published whole: run the step that publishes it again")
    if tagged is not None and tagged != release.git_sha:
        raise Refusal(
            f"the Git tag {git_tag(seen.version)} is at {tagged}, not at {release.git_sha}, of which {seen.version} was"
            " built: a tag never moves. Find out who made it, and take it away"
        )
    return [] if tagged else [Mark(seen.version, release.git_sha)]


def git_tag(version: Version) -> str:
    """What a release is called in Git."""
    return f"v{version}"


def bump(released: Version, declared: Version, proposed: bool) -> list[Action]:
    """The next version proposed on a branch, if main still declares the one that is out.

    Args:
        released: the stable version that is out.
        declared: the next version of main.
        proposed: the branch is there.
    """
    return [] if declared > released or proposed else [Bump(released.bumped())]
