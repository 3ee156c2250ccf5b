import stat
from pathlib import Path

import pytest

from sens.domain.errors import Fatal
from sens.local.data_dir import DataDir


def test_the_folder_is_for_its_owner_only(tmp_path: Path):
    data_dir = DataDir(tmp_path / "a" / "b")
    data_dir.create()
    data_dir.create()
    assert stat.S_IMODE(data_dir.path.stat().st_mode) == 0o700


def test_a_place_that_cannot_be_a_folder_is_an_error_that_names_the_option(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Fatal, match="--data-dir"):
        DataDir(tmp_path / "file" / "data").create()
    with pytest.raises(Fatal, match=r"file is a file, not a folder: .*--data-dir"):
        DataDir(tmp_path / "file").create()


def test_a_second_owner_is_refused_and_told_who_the_first_is(tmp_path: Path):
    import os

    data_dir = DataDir(tmp_path)
    with data_dir.locked(), pytest.raises(Fatal, match=rf"process {os.getpid()}\).*--data-dir"), data_dir.locked():
        pass
    with data_dir.locked():
        assert (tmp_path / "lock").exists()
