"""All that a release goes through, on loopback."""

from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from msgspec.structs import replace

from release.environment import smoke
from release.git import Branch
from release.infra import Infra
from release.loopback import StandIn, build, make_infra, make_project
from release.record import MEDIA_TYPE, RELEASES, Release, write
from release.registry import Registry
from release.steps import Delivery, Project
from release.version import parse


@dataclass
class World:
    """A registry, both repositories, and what stands for test."""

    folder: Path
    registry: Registry
    test: StandIn
    infra_url: str = ""
    project_url: str = ""

    def __post_init__(self) -> None:
        self.infra_url = make_infra(self.folder / "infra")
        self.project_url = make_project(self.folder / "project", parse("0.1.0"))

    def infra(self) -> Infra:
        return Infra(self.clone(self.infra_url))

    def clone(self, url: str) -> Branch:
        return Branch(url, self.folder / uuid4().hex)

    def delivery(self) -> Delivery:
        """As a run of a workflow has it: clones of its own."""
        project = Project(self.clone(self.project_url))
        return Delivery(self.registry, self.infra(), project, lambda: smoke(self.test.url, self.test.url))

    def move_test(self, version: str) -> Release:
        """Another alpha runs in test, though its like would not be built any more."""
        release = build(self.registry, parse(version), self.project_url, version)
        for image, digest in release.images.items():
            self.registry.tag(image, digest, version)
        self.registry.push_document(RELEASES, version, MEDIA_TYPE, write(release))
        self.delivery().deploy("test", parse(version))
        self.test.run(release)
        return release

    def release_alpha(self, version: str, **other: str) -> Release:
        """A build of main, with `other` fields of its document, that test runs as soon as it is in the infrastructure
        repository."""
        release = replace(build(self.registry, parse(version), self.project_url, version), **other)
        self.delivery().release_alpha(release)
        self.test.run(release)
        return release
