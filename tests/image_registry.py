"""A real registry of images."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from release.loopback import registry_configuration
from servers import Process, answers, free_port, missing


class ImageRegistry(Process):
    """docker-registry over plain HTTP on loopback.

    Attributes:
        images: the folder of what was pushed.
        settings: further ones of its configuration.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object] | None = None) -> None:
        super().__init__(folder, "image-registry")
        self.port = free_port()
        self.settings = settings or {}
        self.images = folder / "images"
        self.address = f"127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        binary = shutil.which("docker-registry")
        if binary is None:
            missing("docker-registry", "as root on Debian or Ubuntu run tools/install-debian-packages")
            raise AssertionError
        config = self.folder / "registry.json"
        config.write_text(json.dumps({**registry_configuration(self.images, self.port), **self.settings}))
        return [binary, "serve", str(config)]

    def ready(self) -> bool:
        return answers(self.port)
