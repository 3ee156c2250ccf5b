"""What is in an image that was written to a file by `docker save`, `podman save` or `buildah push docker-archive:`."""

import gzip
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Archive:
    """An image.

    Attributes:
        config: what it runs and how, as in the image specification's `config`.
        layers: the digests of its layers before compression, from the bottom.
        files: the paths in its layers.
        size_bytes: the sizes of its files, also of those that a later layer covers.
    """

    config: Mapping[str, Any]
    layers: tuple[str, ...]
    files: frozenset[str]
    size_bytes: int


def read_archive(path: Path) -> Archive:
    with tarfile.open(path) as archive:
        manifest = json.load(_member(archive, "manifest.json"))[0]
        image = json.load(_member(archive, manifest["Config"]))
        members = [member for layer in manifest["Layers"] for member in _layer(archive, layer)]
    return Archive(
        config=image["config"],
        layers=tuple(image["rootfs"]["diff_ids"]),
        files=frozenset(member.name for member in members),
        size_bytes=sum(member.size for member in members),
    )


def _layer(archive: tarfile.TarFile, name: str) -> list[tarfile.TarInfo]:
    compressed = _member(archive, name).read(2) == _GZIP_MAGIC
    layer = _member(archive, name)
    with tarfile.open(fileobj=gzip.GzipFile(fileobj=layer) if compressed else layer) as tar:
        return tar.getmembers()


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    return cast("IO[bytes]", archive.extractfile(name))
