"""A release, as an example."""

from release.record import IMAGES, Release

RELEASE = Release(
    version="0.5.0",
    git_sha="a" * 40,
    commit_time="2026-01-31T12:00:00Z",
    branch="main",
    images={image: f"sha256:{number:064}" for number, image in enumerate(IMAGES)},
    chart_revision="b" * 40,
    schema_revision="0007",
    oldest_schema_revision="0001",
    ci_run="https://ci.example.org/runs/1",
)
