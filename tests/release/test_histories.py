"""Any sequence of builds, re-runs, promotions and failures, on a registry and a repository in memory."""

import hashlib
from collections import defaultdict
from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from release.infra import Desired
from release.record import IMAGES, Candidate, Release, Smoke, read
from release.refusal import Refusal, Unfinished
from release.steps import Delivery
from release.version import Kind, Version, parse


class Registry:
    """As the real one: tags and documents that never move. Answers `writes_left` writes, if that is set."""

    def __init__(self) -> None:
        self.digests: dict[tuple[str, str], str] = {}
        self.documents: dict[str, bytes] = {}
        self.writes_left: int | None = None

    def write(self) -> None:
        if self.writes_left is not None:
            if not self.writes_left:
                raise Unfinished("away")
            self.writes_left -= 1

    def tags(self, image: str) -> frozenset[str]:
        return frozenset(tag for there, tag in self.digests if there == image)

    def digest(self, image: str, tag: str) -> str | None:
        return self.digests.get((image, tag))

    def tag(self, image: str, digest: str, tag: str) -> None:
        self.write()
        if self.digests.setdefault((image, tag), digest) != digest:
            raise Refusal("a tag never moves")

    def document(self, image: str, tag: str, media_type: str) -> bytes | None:
        return self.documents.get(tag)

    def push_document(self, image: str, tag: str, media_type: str, document: bytes) -> str:
        self.write()
        if self.documents.setdefault(tag, document) != document:
            raise Refusal("a tag never moves")
        return ""


class Repositories:
    """The infrastructure repository and the platform's; a write fails as the registry's do."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.environments: dict[str, Desired] = defaultdict(lambda: Desired(None, {}, "", "", "", ""))
        self.fixed: Candidate | None = None
        self.declared = parse("0.1.0")
        self.proposed: set[Version] = set()
        self.marks: dict[Version, str] = {}
        self.commits = 0

    def commit(self) -> str:
        self.registry.write()
        self.commits += 1
        return f"{self.commits:040}"

    def refresh(self) -> None: ...

    def desired(self, environment: str) -> Desired:
        return self.environments[environment]

    def candidate(self) -> Candidate | None:
        return self.fixed

    def commit_values(self, environment: str, release: Release) -> None:
        sha = self.commit()
        self.environments[environment] = replace(
            self.environments[environment], version=release.number, images=release.images, commit=sha, values_commit=sha
        )

    def pin(self, environment: str, version: Version, chart_revision: str, values_revision: str) -> None:
        self.environments[environment] = replace(
            self.environments[environment],
            commit=self.commit(),
            chart_revision=chart_revision,
            values_revision=values_revision,
        )

    def fix(self, candidate: Candidate) -> None:
        self.commit()
        self.fixed = candidate

    def tagged(self, version: Version) -> str | None:
        return self.marks.get(version)

    def mark(self, version: Version, git_sha: str) -> None:
        self.commit()
        self.marks[version] = git_sha

    def is_proposed(self, version: Version) -> bool:
        return version in self.proposed

    def propose(self, version: Version) -> None:
        self.commit()
        self.proposed.add(version)


class Histories(RuleBasedStateMachine):
    """What holds whatever happens in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry()
        self.repositories: Any = Repositories(self.registry)
        self.smoke = Smoke("", "")
        self.runs = 0
        self.promotions = 0
        self.built: dict[str, Release] = {}
        self.validated: list[dict[str, str]] = []
        self.digests_before: dict[tuple[str, str], str] = {}
        self.highest_in_test: Version | None = None

    def delivery(self) -> Delivery:
        return Delivery(self.registry, self.repositories, self.repositories, lambda: self.smoke)

    def attempt(self, step: Any, writes: int | None) -> None:
        self.registry.writes_left = writes
        try:
            step()
        except (Refusal, Unfinished):
            pass
        finally:
            self.registry.writes_left = None

    writes = st.none() | st.integers(0, 10)

    @rule(writes=writes)
    def build(self, writes: int | None) -> None:
        self.runs += 1
        version = str(self.repositories.declared.alpha(self.runs, 1))
        sha = hashlib.sha1(version.encode(), usedforsecurity=False).hexdigest()
        images = {image: f"sha256:{hashlib.sha256((image + version).encode()).hexdigest()}" for image in IMAGES}
        release = Release(
            version=version, git_sha=sha, commit_time="2026-01-31T12:00:00Z", branch="main", images=images,
            chart_revision=sha, schema_revision="1", oldest_schema_revision="1", ci_run="1",
        )  # fmt: skip
        self.built[version] = release
        self.attempt(lambda: self.delivery().release_alpha(release), writes)

    @rule(writes=writes, back=st.integers(0, 5))
    def build_again(self, writes: int | None, back: int) -> None:
        if len(self.built) > back:
            release = list(self.built.values())[-1 - back]
            self.attempt(lambda: self.delivery().release_alpha(release), writes)

    @rule(healthy=st.booleans())
    def deploy_test(self, healthy: bool) -> None:
        desired = self.repositories.desired("test")
        if desired.version is not None and desired.values_revision == desired.values_commit:
            release = self.built[str(desired.version)]
            self.smoke = Smoke(release.version, release.git_sha, () if healthy else ("/readyz",))
            if healthy:
                self.validated.append(release.images)

    @rule(writes=writes)
    def stage(self, writes: int | None) -> None:
        self.attempt(lambda: self.delivery().promote_staging(), writes)

    @rule(writes=writes, again=st.booleans())
    def promote(self, writes: int | None, again: bool) -> None:
        self.promotions += not again
        promotion = f"run {self.promotions}"
        self.attempt(lambda: self.delivery().promote_production(promotion), writes)

    @rule()
    def merge_next_version(self) -> None:
        self.repositories.declared = max([self.repositories.declared, *self.repositories.proposed])

    @invariant()
    def no_tag_changes_its_digest(self) -> None:
        assert self.digests_before.items() <= self.registry.digests.items()
        self.digests_before = dict(self.registry.digests)

    @invariant()
    def a_stable_or_rc_release_is_an_alpha_that_was_validated(self) -> None:
        for tag, document in self.registry.documents.items():
            release = read(document, Release, tag)
            assert release.images == {image: self.registry.digests[image, tag] for image in IMAGES}
            if release.number.kind is not Kind.ALPHA:
                assert release.images in self.validated
                assert release.images == self.built[release.promoted_from or ""].images

    @invariant()
    def production_runs_nothing_but_a_published_stable(self) -> None:
        desired = self.repositories.desired("production")
        if desired.version is not None:
            assert desired.version.kind is Kind.STABLE
            assert read(self.registry.documents[str(desired.version)], Release, "").images == desired.images

    @invariant()
    def test_never_moves_to_a_lower_version(self) -> None:
        version = self.repositories.desired("test").version
        assert self.highest_in_test is None or version >= self.highest_in_test
        self.highest_in_test = version

    def teardown(self) -> None:
        """A promotion that has written a stable tag is completed by running it again, whatever came between."""
        fixed = self.repositories.candidate()
        if fixed is not None and self.delivery().published(fixed.version).begun:
            self.delivery().promote_production(fixed.promotion)
            assert self.delivery().published(fixed.version).complete
            assert self.repositories.desired("production").version == fixed.version


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
