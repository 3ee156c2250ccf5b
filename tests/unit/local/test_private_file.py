import re
import stat
from pathlib import Path

from sens.local.private_file import api_key, kept_secret, password, write_private


def test_an_api_key_has_its_format():
    assert re.fullmatch(r"sens_[A-Za-z0-9_-]{40}", api_key())


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path):
    path = tmp_path / "key"
    first = kept_secret(path, api_key)
    assert kept_secret(path, api_key) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


def test_passwords_are_long_differ_and_need_no_quoting():
    assert password() != password()
    assert re.fullmatch(r"[A-Za-z0-9_-]{32,}", password())


def test_a_file_that_others_could_read_is_replaced_by_a_private_one(tmp_path: Path):
    path = tmp_path / "nats.conf"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o600)


def test_a_kept_secret_that_others_could_read_is_made_its_owners_alone(tmp_path: Path):
    path = tmp_path / "key"
    path.write_text("sens_x\n")
    path.chmod(0o644)
    assert kept_secret(path, api_key) == "sens_x"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_empty_file_holds_no_secret(tmp_path: Path):
    path = tmp_path / "key"
    path.write_text("\n")
    made = kept_secret(path, api_key)
    assert made
    assert path.read_text() == f"{made}\n"
