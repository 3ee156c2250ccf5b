"""The administrator's key comes from a file."""

from pathlib import Path

import pytest

from sens.domain.errors import Fatal
from sens.platform_api.admin_key import read_admin_key
from sens.platform_api.keys import new_token, parse_token


def test_the_key_is_read_without_the_line_end(tmp_path: Path) -> None:
    text = new_token()
    (tmp_path / "key").write_text(f"{text}\n")
    assert read_admin_key(tmp_path / "key") == parse_token(text)


@pytest.mark.parametrize("content", [b"", b"hunter2hunter2", b"sens_short", b"\xff\xfe"])
def test_a_file_without_a_key_is_refused_with_advice_and_without_its_content(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(Fatal, match="SENS_ADMIN_API_KEY_FILE") as caught:
        read_admin_key(tmp_path / "key")
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match="No such file"):
        read_admin_key(tmp_path / "none")
