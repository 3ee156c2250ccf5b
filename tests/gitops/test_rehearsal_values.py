"""What people of the rehearsal have in their values is rendered, before a cluster is needed to see that it is not."""

import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from gitops.test_desired_state import rendered
from infra_repository import merge_values
from release.gitops import ENVIRONMENTS

VALUES = Path(__file__).resolve().parents[1] / "rehearsal" / "values"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_they_are_rendered(repository: Path, tmp_path: Path, environment: str) -> None:
    folder = tmp_path / "infra"
    shutil.copytree(repository, folder)
    merge_values(
        folder / f"environments/{environment}/values.yaml", YAML(typ="safe").load(VALUES / f"{environment}.yaml")
    )
    assert rendered(folder, environment)
