"""An infrastructure repository as it is written from the template."""

from pathlib import Path

import pytest

from release.gitops import SETTINGS, TEMPLATE, write_repository

OWNER = "acme"


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gitops") / "infra"
    folder.mkdir()
    (folder / SETTINGS).write_text((TEMPLATE / SETTINGS).read_text().replace("OWNER", OWNER))
    write_repository(folder)
    return folder
