"""What is recorded of a release and of a promotion, as strict JSON."""

from collections.abc import Mapping
from typing import Annotated, Final, TypeVar

import msgspec

from .refusal import Refusal
from .version import Version, parse

IMAGES: Final = ("platform-api", "mqtt-ingestion-worker", "telemetry-worker", "web-console", "docs")
RELEASES: Final = "release"
"""The image under whose tags the documents are."""
MEDIA_TYPE: Final = "application/vnd.sens-platform.release.v1+json"

GitSha = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{40}\Z")]
Digest = Annotated[str, msgspec.Meta(pattern=r"\Asha256:[0-9a-f]{64}\Z")]
Time = Annotated[str, msgspec.Meta(pattern=r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")]
Filled = Annotated[str, msgspec.Meta(min_length=1)]


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One release. It is published when all its images have its tag and this document has it too.

    Attributes:
        version: alpha, rc or stable.
        git_sha: the commit that was built.
        commit_time: when that was made, in UTC.
        branch: its branch, for people.
        images: the digest of every image.
        chart_revision: the commit of the chart that it is deployed with.
        schema_revision: the newest migration of the database in it.
        oldest_schema_revision: what a build must know to work with that schema.
        ci_run: the address of the workflow run that built it.
        promoted_from: the alpha whose images these are; None for an alpha.
    """

    version: str
    git_sha: GitSha
    commit_time: Time
    branch: str
    images: dict[str, Digest]
    chart_revision: GitSha
    schema_revision: Filled
    oldest_schema_revision: Filled
    ci_run: Filled
    promoted_from: str | None = None

    def __post_init__(self) -> None:
        parse(self.version)
        _check_images(self.version, self.images)

    @property
    def number(self) -> Version:
        return parse(self.version)

    def promoted(self, to: Version) -> "Release":
        """The same images as another version."""
        return msgspec.structs.replace(self, version=str(to), promoted_from=self.promoted_from or self.version)


class Smoke(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an environment answered.

    Attributes:
        version: what runs, by its own `/version`.
        git_sha: the commit of that.
        failures: what did not answer as it should; empty: it passed.
    """

    version: str
    git_sha: str
    failures: tuple[str, ...] = ()


class Candidate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a promotion to production has fixed, and goes on with whatever test runs later.

    Attributes:
        promotion: the run that fixed it; the same in a re-run.
        infra_commit: the commit of the infrastructure repository that made test what it was.
        alpha: the version that test ran.
        images: the digest of every image.
        chart_revision: the commit of the chart in test.
        git_sha: the commit that was built.
        smoke: what test answered.
    """

    promotion: Filled
    infra_commit: GitSha
    alpha: str
    images: dict[str, Digest]
    chart_revision: GitSha
    git_sha: GitSha
    smoke: Smoke

    def __post_init__(self) -> None:
        parse(self.alpha)
        _check_images(self.alpha, self.images)

    @property
    def version(self) -> Version:
        """The stable version that it becomes."""
        return parse(self.alpha).stable


Document = TypeVar("Document", Release, Candidate)


def read(document: bytes, of: type[Document], where: str) -> Document:
    """The document in JSON.

    Raises:
        Refusal: a field is missing, unknown or not as it must be.
    """
    try:
        return msgspec.json.decode(document, type=of)
    except msgspec.DecodeError as flaw:
        raise Refusal(f"{where} is no {of.__name__.lower()}: {flaw}. Find out who wrote it") from flaw


def write(document: Release | Candidate) -> bytes:
    """JSON that is the same for the same document, for people to read too."""
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def _check_images(version: str, images: Mapping[str, str]) -> None:
    if set(images) != set(IMAGES):
        raise Refusal(f"{version} has the images {', '.join(sorted(images))}: {', '.join(sorted(IMAGES))} are needed")
