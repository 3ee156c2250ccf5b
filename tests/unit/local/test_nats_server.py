import subprocess
from pathlib import Path

import pytest

from sens.domain.errors import Fatal
from sens.local import nats_server
from sens.local.data_dir import DataDir
from sens.local.nats_server import EmbeddedNats


@pytest.mark.parametrize("mqtt_port", [None, 1883])
def test_the_configuration_is_one_that_the_server_accepts(tmp_path: Path, mqtt_port: int | None):
    data_dir = DataDir(tmp_path / 'a "strange" folder')
    data_dir.create()
    server = EmbeddedNats(data_dir, 4222, mqtt_port)
    config = tmp_path / "nats.conf"
    config.write_text(server.configuration())
    program = server.part().command[0]
    checked = subprocess.run([program, "-t", "-c", config], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "sync_interval: always" in server.configuration()


def test_the_url_that_is_shown_holds_no_password(tmp_path: Path):
    server = EmbeddedNats(DataDir(tmp_path), 4222, 1883)
    assert (tmp_path / "nats-password").read_text().strip() in server.url
    assert (tmp_path / "nats-password").read_text().strip() not in server.part().url


def test_a_missing_server_says_what_to_install_or_which_option_to_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(nats_server.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Fatal, match="--nats-url"):
        EmbeddedNats(DataDir(tmp_path), 4222, None)
