import gzip
import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from image_archive import Archive, read_archive
from images import BACKENDS, LIMITS_MB, PASSED_ON, Builder, Commit, flaws

DOCKER = Path(__file__).resolve().parents[3] / "infra/docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
BAKE = (DOCKER / "docker-bake.hcl").read_text()
GOOD: dict[str, Any] = {
    "User": "10001:10001",
    "Entrypoint": ["sens"],
    "Labels": {f"org.opencontainers.image.{name}": "x" for name in ("revision", "created", "licenses", "title")},
}


def archive(config: dict[str, Any], files: tuple[str, ...] = ()) -> Archive:
    return Archive(config=config, layers=(), files=frozenset(files), size_bytes=0)


def test_every_image_is_a_target_of_the_dockerfile_and_of_the_bake_file():
    matrix = re.search(r"image = \[(.*)\]", BAKE)
    assert matrix
    assert re.findall(r'"([^"]+)"', matrix[1]) == list(LIMITS_MB)
    assert set(LIMITS_MB) <= set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
    for image in BACKENDS:
        assert f'CMD ["{image}"]' in DOCKERFILE


def test_base_images_are_arguments_pinned_by_digest_and_nothing_else_is_a_base():
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", DOCKERFILE.partition("FROM")[0], re.MULTILINE))
    assert arguments.keys() == {name for name in PASSED_ON if name.endswith("_IMAGE")}
    for reference in arguments.values():
        assert re.fullmatch(r"docker\.io/[a-z/-]+:[\w.-]+@sha256:[0-9a-f]{64}", reference)
    stages = set(re.findall(r" AS (\S+)$", DOCKERFILE, re.MULTILINE))
    bases = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    assert bases - stages == {"scratch", *(f"${{{name}}}" for name in arguments)}


def test_what_a_builder_passes_on_is_declared_in_both_files():
    for name in (*PASSED_ON, "GIT_SHA", "BUILD_DATE", "SOURCE_DATE_EPOCH", "IMAGE_SOURCE"):
        assert re.search(rf"^ARG {name}\b", DOCKERFILE, re.MULTILINE), name
        assert f'variable "{name}"' in BAKE, name


def test_a_well_built_image_has_no_flaw():
    assert list(flaws("platform-api", archive(GOOD, ("opt/sens/bin/sens", "usr/bin/python3.13")))) == []


@pytest.mark.parametrize(
    ("config", "files", "flaw"),
    [
        ({"User": "root"}, (), "its user is root, not 10001:10001"),
        ({"User": "sens"}, (), "its user is sens, not 10001:10001"),
        ({"Healthcheck": {"Test": ["CMD", "true"]}}, (), "it has a health check"),
        ({"Entrypoint": ["/bin/sh", "-c", "sens"]}, (), "its entry point is ['/bin/sh', '-c', 'sens']"),
        ({"Labels": {}}, (), "it has no label org.opencontainers.image.revision"),
        ({}, ("usr/bin/dash", "usr/bin/gcc"), "it has usr/bin/dash, usr/bin/gcc"),
    ],
)
def test_flaws_are_found(config: dict[str, Any], files: tuple[str, ...], flaw: str):
    assert next(flaws("platform-api", archive(GOOD | config, files))) == flaw


@pytest.mark.parametrize("is_compressed", [False, True])
def test_an_archive_tells_layers_files_and_their_size(tmp_path: Path, is_compressed: bool):
    layer = _tar({"etc/motd": b"1234567"})
    layer = gzip.compress(layer) if is_compressed else layer
    image = {"config": GOOD, "rootfs": {"diff_ids": ["sha256:1"]}}
    manifest = [{"Config": "c.json", "Layers": ["layer.tar"]}]
    parts = {"manifest.json": json.dumps(manifest).encode(), "c.json": json.dumps(image).encode(), "layer.tar": layer}
    (tmp_path / "image.tar").write_bytes(_tar(parts))
    found = read_archive(tmp_path / "image.tar")
    assert found == Archive(config=GOOD, layers=("sha256:1",), files=frozenset({"etc/motd"}), size_bytes=7)


def _tar(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


DOCKER_STAND_IN = """#!/usr/bin/env python3
import json, pathlib, sys
pathlib.Path("{folder}/arguments").write_text(json.dumps(sys.argv[1:]))
images = "platform-api mqtt-ingestion-worker telemetry-worker web-console docs".split()
file = next(one for one in sys.argv if one.startswith("--metadata-file=")).partition("=")[2]
told = {{image: {{"containerimage.digest": f"sha256:{{image}}"}} for image in images}}
pathlib.Path(file).write_text(json.dumps(told))
"""


def test_images_are_published_by_digest_with_all_that_is_said_about_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(DOCKER_STAND_IN.format(folder=tmp_path))
    docker.chmod(0o755)
    monkeypatch.setenv("IMAGE_PREFIX", "ghcr.io/owner/sens-platform")
    published = Builder([str(docker)], Commit()).publish()
    assert published == {image: f"sha256:{image}" for image in LIMITS_MB}
    arguments = json.loads((tmp_path / "arguments").read_text())
    assert {"--sbom=true", "--provenance=mode=max"} <= set(arguments)
    assert "--set=docs.tags=ghcr.io/owner/sens-platform/docs" in arguments
    assert any("push-by-digest=true" in argument for argument in arguments)


def test_what_builds_no_whole_index_publishes_nothing() -> None:
    with pytest.raises(SystemExit, match="docker with buildx is needed"):
        Builder(["buildah"], Commit()).publish()
