"""The steps of a release, carried out: look, decide, act, look again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from . import rules
from .git import Branch, PushRace
from .infra import Desired
from .record import IMAGES, MEDIA_TYPE, RELEASES, Candidate, Release, Smoke, read, write
from .refusal import Refusal, Unfinished
from .rules import Action, Begun, Bump, CommitValues, Fix, Mark, Pin, Publish, Published, Tag, Tested
from .version import PROJECT, Kind, Version, is_version, next_version, parse, with_next_version

_RACES = 5
"""Pushes lost to others before a step gives up."""


class Images(Protocol):
    """The registry, as steps need it."""

    def tags(self, image: str) -> frozenset[str]: ...
    def digest(self, image: str, tag: str) -> str | None: ...
    def tag(self, image: str, digest: str, tag: str) -> None: ...
    def document(self, image: str, tag: str, media_type: str) -> bytes | None: ...
    def push_document(self, image: str, tag: str, media_type: str, document: bytes) -> str: ...


class Environments(Protocol):
    """The infrastructure repository, as steps need it."""

    def refresh(self) -> None: ...
    def desired(self, environment: str) -> Desired: ...
    def candidate(self) -> Candidate | None: ...
    def commit_values(self, environment: str, release: Release) -> None: ...
    def pin(self, environment: str, version: Version, chart_revision: str, values_revision: str) -> None: ...
    def fix(self, candidate: Candidate) -> None: ...


class Project:
    """The platform's own repository: the next version on main, proposals of another, and the tags of releases."""

    def __init__(self, branch: Branch) -> None:
        self._branch = branch

    def refresh(self) -> None:
        self._branch.refresh()

    @property
    def declared(self) -> Version:
        return next_version(self._branch.read(str(PROJECT)) or "")

    def tagged(self, version: Version) -> str | None:
        """The commit that has a release's tag."""
        return self._branch.commit_of_tag(rules.git_tag(version))

    def mark(self, version: Version, git_sha: str) -> None:
        self._branch.push_tag(rules.git_tag(version), git_sha, f"SENS Platform {version}")

    def is_proposed(self, version: Version) -> bool:
        return self._branch.has(_proposal(version))

    def propose(self, version: Version) -> None:
        text = with_next_version(self._branch.read(str(PROJECT)) or "", version)
        self._branch.commit(f"Begin {version}", {str(PROJECT): text}, branch=_proposal(version))


@dataclass(frozen=True, slots=True)
class Delivery:
    """Everything that a release goes through. Each step returns what it did, and is safe to run again.

    Steps raise Refusal where a rule forbids it, and Unfinished where something does not answer.

    Attributes:
        images: the registry.
        infra: the infrastructure repository.
        project: the platform's own.
        smoke: asks test how it is.
        tell: is told each action when it has been carried out.
    """

    images: Images
    infra: Environments
    project: Project
    smoke: Callable[[], Smoke]
    tell: Callable[[Action], None] = lambda _: None

    def release_alpha(self, release: Release) -> list[Action]:
        """Publish a build of main, whose images are in the registry by digest, and let test run it."""
        version = release.number
        done = self._run(lambda: rules.publish_alpha(release, self.published(version), self.published(version.stable)))
        return [*done, *self.deploy(rules.TEST, version)]

    def promote_staging(self) -> list[Action]:
        """Publish what test runs as an rc, and let staging run it."""
        seen: list[Tested] = []

        def decide() -> list[Action]:
            seen.append(self._tested_or_refuse())
            return rules.stage(seen[-1])

        done = self._run(decide)
        # The last look found nothing left to do: the newest rc is what test ran then, whatever it runs by now.
        return [*done, *self.deploy(rules.STAGING, seen[-1].rcs[-1].version)]

    def promote_production(self, promotion: str) -> list[Action]:
        """Publish what test runs as a stable version and let production be synced to it; propose the next version.

        Args:
            promotion: the run; the same in a re-run, which goes on with what the first fixed.
        """

        def decide() -> list[Action]:
            tested = self._tested()
            return rules.promote(promotion, self._begun(), tested)

        done = self._run(decide)
        released = self.released_by(promotion)
        return [*done, *self.mark(released), *self.deploy(rules.PRODUCTION, released), *self.bump(released)]

    def released_by(self, promotion: str) -> Version:
        """What a promotion to production that is done has released."""
        candidate = self.infra.candidate()
        if candidate is not None and candidate.promotion == promotion:
            return candidate.version
        return self._tested_or_refuse().stable.version  # a promotion before had published what test runs

    def deploy(self, environment: str, version: Version, *, back: bool = False) -> list[Action]:
        """Let an environment run a published version; `back`: though it is lower."""

        def decide() -> list[Action]:
            self.infra.refresh()
            desired = self.infra.desired(environment)
            left = self.published(desired.version) if back and desired.version is not None else None
            return rules.deploy(environment, self.published(version), desired, left)

        return self._run(decide)

    def mark(self, released: Version) -> list[Action]:
        """Give the commit of a stable release its tag in Git."""

        def decide() -> list[Action]:
            self.project.refresh()
            return rules.mark(self.published(released), self.project.tagged(released))

        return self._run(decide)

    def bump(self, released: Version) -> list[Action]:
        """Propose the version after one that is out."""

        def decide() -> list[Action]:
            self.project.refresh()
            return rules.bump(released, self.project.declared, self.project.is_proposed(released.bumped()))

        return self._run(decide)

    def published(self, version: Version) -> Published:
        """What the registry has of a version."""
        tag = str(version)
        digests = {image: self.images.digest(image, tag) for image in IMAGES}
        document = self.images.document(RELEASES, tag, MEDIA_TYPE)
        release = None if document is None else read(document, Release, f"{RELEASES}:{tag}")
        if release is not None and release.version != tag:
            raise Refusal(f"{RELEASES}:{tag} is the document of {release.version}: find out who wrote it")
        return Published(version, {image: digest for image, digest in digests.items() if digest}, release)

    def _run(self, decide: Callable[[], list[Action]]) -> list[Action]:
        done: list[Action] = []
        races = 0
        while actions := decide():
            try:
                for action in actions:
                    if action in done:
                        raise Unfinished(f"{action} was carried out, and nothing shows it: look who undoes it")
                    self._carry_out(action)
                    done.append(action)
                    self.tell(action)
            except PushRace as race:
                races += 1
                if races == _RACES:
                    raise Unfinished(f"{race}: others push all the time, run this again") from race
        return done

    def _carry_out(self, action: Action) -> None:
        match action:
            case Tag(image, digest, version):
                self.images.tag(image, digest, str(version))
            case Publish(release):
                self.images.push_document(RELEASES, release.version, MEDIA_TYPE, write(release))
            case CommitValues(environment, release):
                self.infra.commit_values(environment, release)
            case Pin(environment, version, chart_revision, values_revision):
                self.infra.pin(environment, version, chart_revision, values_revision)
            case Fix(candidate):
                self.infra.fix(candidate)
            case Mark(version, git_sha):
                self.project.mark(version, git_sha)
            case Bump(version):
                self.project.propose(version)

    def _tested(self) -> Tested | None:
        """What test runs, of the newest state of the infrastructure repository."""
        self.infra.refresh()
        desired = self.infra.desired(rules.TEST)
        if desired.version is None:
            return None
        stable = desired.version.stable
        return Tested(desired, self.published(desired.version), self.smoke(), self._rcs(stable), self.published(stable))

    def _tested_or_refuse(self) -> Tested:
        tested = self._tested()
        if tested is None:
            raise Refusal("test runs nothing: release an alpha to test first")
        return tested

    def _rcs(self, stable: Version) -> list[Published]:
        tags = {tag for image in (*IMAGES, RELEASES) for tag in self.images.tags(image) if is_version(tag)}
        versions = sorted(parse(tag) for tag in tags)
        return [self.published(one) for one in versions if one.kind is Kind.RC and one.stable == stable]

    def _begun(self) -> Begun | None:
        candidate = self.infra.candidate()
        if candidate is None:
            return None
        return Begun(candidate, self.published(parse(candidate.alpha)), self.published(candidate.version))


def _proposal(version: Version) -> str:
    return f"next-version-{version}"
