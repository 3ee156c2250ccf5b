"""Whether the document of a release, its images and what runs say the same."""

from collections.abc import Iterator

from .record import Release, Smoke
from .registry import Registry

REVISION = "org.opencontainers.image.revision"


def differences(release: Release, registry: Registry, running: Smoke | None) -> list[str]:
    """What does not agree, in sentences; none if all does.

    Args:
        release: the document.
        registry: where the images are.
        running: what an environment answered that shall run it; None: none is asked.
    """
    return [*_of_images(release, registry), *(_of_environment(release, running) if running else ())]


def _of_images(release: Release, registry: Registry) -> Iterator[str]:
    for image, digest in release.images.items():
        if (there := registry.digest(image, release.version)) != digest:
            yield f"{image}:{release.version} is {there or 'not there'}, the document says {digest}"
        for platform, labels in registry.labels(image, digest).items():
            if (built := labels.get(REVISION, "no commit")) != release.git_sha:
                yield f"{image} for {platform} is labelled {built}, the document says {release.git_sha}"


def _of_environment(release: Release, running: Smoke) -> Iterator[str]:
    if running.version != release.version:
        yield f"{running.version or 'nothing'} runs, not {release.version}"
    if running.git_sha != release.git_sha:
        yield f"what runs was built of {running.git_sha or 'unknown'}, the document says {release.git_sha}"
