"""What a machine lacks is told loudly, stops no other test, and is a failure where everything is required."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WHILE_COLLECTED = "from servers import missing\nmissing('Helm', 'install it')\n"
IN_A_TEST = "from servers import missing\ndef test_it():\n    missing('Helm', 'install it')\n"
ANOTHER = "def test_another():\n    pass\n"


def run_pytest(folder: Path, monkeypatch: pytest.MonkeyPatch, required: str) -> subprocess.CompletedProcess[str]:
    monkeypatch.setenv("SENS_REQUIRE_ALL", required)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'tests'}")
    options = ["-c", f"{ROOT / 'pyproject.toml'}", "-p", "no:cacheprovider", f"{folder}"]
    command = [sys.executable, "-m", "pytest", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


@pytest.mark.parametrize("lacking", [WHILE_COLLECTED, IN_A_TEST], ids=["while collected", "in a test"])
def test_other_tests_run_unless_everything_is_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    (tmp_path / "test_lacking.py").write_text(lacking)
    (tmp_path / "test_another.py").write_text(ANOTHER)
    lenient = run_pytest(tmp_path, monkeypatch, "")
    assert lenient.returncode == 0, lenient.stdout
    assert "1 passed, 1 skipped" in lenient.stdout
    assert "NOT TESTED: Helm is missing; install it" in lenient.stdout
    assert run_pytest(tmp_path, monkeypatch, "1").returncode != 0
