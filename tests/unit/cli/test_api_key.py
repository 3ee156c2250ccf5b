from pathlib import Path

import pytest

from sens.cli.api_key import find_key, is_local
from sens.domain.errors import Fatal

LOCAL, REMOTE = "http://127.0.0.1:8080", "https://sens.example.org"


@pytest.fixture
def up_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The key of a `sens up` in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".sens").mkdir()
    (tmp_path / ".sens" / "admin-api-key").write_text("sens_up\n")
    return "sens_up"


def test_the_key_of_sens_up_is_found(up_key: str):
    assert find_key(LOCAL, None, {}) == up_key


def test_the_key_of_sens_up_is_never_shown_to_another_machine(up_key: str):
    assert find_key(REMOTE, None, {}) is None


def test_a_file_goes_before_the_environment_and_that_before_sens_up(up_key: str, tmp_path: Path):
    file = tmp_path / "key"
    file.write_text("sens_file\n")
    assert find_key(LOCAL, file, {"SENS_API_KEY": "sens_environment"}) == "sens_file"
    assert find_key(LOCAL, None, {"SENS_API_KEY": "sens_environment"}) == "sens_environment"


def test_no_key_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert find_key(LOCAL, None, {}) is None


@pytest.mark.parametrize("content", ["", "two words", "a\nb", "schlüssel"])
def test_what_is_no_key_is_said(tmp_path: Path, content: str):
    file = tmp_path / "key"
    file.write_text(content)
    with pytest.raises(Fatal, match="holds no API key"):
        find_key(LOCAL, file, {})


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(Fatal, match=r"nowhere cannot be read .*--api-key-file"):
        find_key(LOCAL, tmp_path / "nowhere", {})


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://localhost", True),
        ("http://[::1]:8080", True),
        ("http://127.0.0.1.example.org", False),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1@example.org", False),
        ("http://10.0.0.1", False),
        ("nonsense", False),
        ("http://[", False),
    ],
)
def test_only_this_machine_counts_as_local(url: str, local: bool):
    assert is_local(url) is local
