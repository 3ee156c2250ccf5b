"""The release that the docs quote is the one that is played."""

import shutil
import subprocess
import sys
from pathlib import Path

from servers import missing

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_quotes_what_is_played() -> None:
    if shutil.which("docker-registry") is None:
        missing("docker-registry", "as root on Debian or Ubuntu run tools/install-debian-packages")
    command = [sys.executable, "-m", "tools.release", "play"]
    played = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert f"```\n{played}```" in (ROOT / "docs" / "releases.md").read_text()
