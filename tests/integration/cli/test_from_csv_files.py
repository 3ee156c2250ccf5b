"""The page on files of the past: its commands do what it says."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from whole_platform import Platform

PAGE = (Path(__file__).parents[3] / "docs" / "from-csv-files.md").read_text()


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform with the page's configuration."""
    folder = tmp_path_factory.mktemp("configured")
    [configuration] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (folder / "sens.yaml").write_text(configuration)
    with Platform(folder, "--config", "sens.yaml") as platform:
        yield platform


@pytest.mark.timeout(300)
def test_the_commands_of_the_page_do_what_it_says(configured: Platform):
    script = "set -ex\n" + "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "PATH": path, "SENS_URL": configured.url},
        cwd=configured.sens.folder,
        capture_output=True,
        check=False,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    readings = {each["source"]: each["readings"] for each in configured.json("ledger")["sources"]}
    assert readings["logger-2025"] == {"decoded": 3, "stored": 3, "duplicate": 0, "conflict": 0}
    assert readings["import"] == {"decoded": 6, "stored": 3, "duplicate": 3, "conflict": 0}
    assert "was imported before: 3 readings" in done.stderr
    assert "2025-02-01T05:00:00" in done.stdout
    [quarantined] = configured.json("quarantine", "list", "--source", "logger-2025")
    payload = configured("quarantine", "show", str(quarantined["id"]), "--payload").stdout
    assert b'"value":"defekt"' in payload
    assert b'"line":4' in payload
