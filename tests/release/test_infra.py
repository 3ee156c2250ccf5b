"""The values of a release: for every image of the chart, by digest, and read back as they were written."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from example_release import RELEASE
from images import LIMITS_MB
from release.infra import images_of, values_of
from release.record import IMAGES, Release, read, write
from release.refusal import Refusal

ROOT = Path(__file__).resolve().parents[2]


def own_images(values: Any, place: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """The places of the chart's values that name one of our images."""
    found: dict[tuple[str, ...], str] = {}
    for key, value in values.items() if isinstance(values, dict) else ():
        if key == "image" and value["repository"].startswith("sens-platform/"):
            found[place] = value["repository"].removeprefix("sens-platform/")
        found |= own_images(value, (*place, key))
    return found


def test_every_image_of_ours_in_the_chart_gets_its_digest() -> None:
    yaml = YAML(typ="safe")
    chart = yaml.load(ROOT / "infra/helm/sens-platform/values.yaml")
    written = yaml.load(values_of(RELEASE))
    assert written.pop("imageTag") == "0.5.0"
    places = own_images(chart)
    for place, image in places.items():
        values = written
        for key in place:
            values = values[key]
        assert values["image"] == {"digest": RELEASE.images[image]}
    assert values_of(RELEASE).count("digest:") == len(places)


def test_a_release_has_the_images_that_are_built() -> None:
    assert set(IMAGES) == set(LIMITS_MB)


def test_values_are_read_back_as_they_were_written() -> None:
    version, images = images_of(values_of(RELEASE), "release.yaml")
    assert (version, images) == (RELEASE.number, RELEASE.images)


@pytest.mark.parametrize(("old", "new"), [("  image:\n", "  picture:\n"), ("0" * 63 + "1", "0" * 63 + "9")])
def test_values_that_somebody_changed_are_refused(old: str, new: str) -> None:
    with pytest.raises(Refusal, match="changed by hand"):
        images_of(values_of(RELEASE).replace(old, new, 1), "release.yaml")


def test_a_document_is_read_back_as_it_was_written() -> None:
    assert read(write(RELEASE), Release, "release") == RELEASE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"version": "0.5.0"', '"version": "latest"'),
        ("a" * 40, "main"),
        ("a" * 40, "a" * 40 + "\\n"),
        ('"docs"', '"manual"'),
        ("sha256:", "sha1:"),
        ('"branch"', '"bough"'),
        ('"schema_revision": "0007"', '"schema_revision": 7'),
        ("{", ""),
    ],
)
def test_a_document_that_is_not_as_it_must_be_is_refused(old: str, new: str) -> None:
    with pytest.raises(Refusal):
        read(write(RELEASE).replace(old.encode(), new.encode()), Release, "release")
