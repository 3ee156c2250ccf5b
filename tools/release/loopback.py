"""A registry and small images on this machine, to play a release on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .registry import INDEX, MANIFEST, Registry, encoded

PLATFORMS = ("amd64", "arm64")
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


def registry_configuration(images: Path, port: int) -> dict[str, Any]:
    """docker-registry's configuration: plain HTTP on loopback, images in a folder."""
    return {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(images)}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }


def push_image(registry: Registry, image: str, content: str) -> str:
    """Write an image for two platforms, each with one layer, under its digest alone, as a build does. Returns that."""
    platforms = [_push_platform(registry, image, architecture, content) for architecture in PLATFORMS]
    return registry.push_manifest(image, {"schemaVersion": 2, "mediaType": INDEX, "manifests": platforms})


def _push_platform(registry: Registry, image: str, architecture: str, content: str) -> Mapping[str, Any]:
    config = f'{{"architecture":"{architecture}","os":"linux","rootfs":{{"type":"layers","diff_ids":[]}}}}'.encode()
    layer = f"{content} for {architecture}".encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": _CONFIG, "digest": registry.push_blob(image, config), "size": len(config)},
        "layers": [{"mediaType": _LAYER, "digest": registry.push_blob(image, layer), "size": len(layer)}],
    }
    return {
        "mediaType": MANIFEST,
        "digest": registry.push_manifest(image, manifest),
        "size": len(encoded(manifest)),
        "platform": {"os": "linux", "architecture": architecture},
    }
