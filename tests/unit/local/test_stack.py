import shutil
import socket
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from sens.domain.errors import Fatal
from sens.local.data_dir import DataDir
from sens.local.nats_server import EmbeddedNats
from sens.local.part import Part
from sens.local.stack import LOG_LIMIT, Stack, UpOptions, plan_stack
from servers import free_port

WORKERS = "telemetry-worker", "mqtt-ingestion-worker"


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDir:
    made = DataDir(tmp_path / "data")
    made.create()
    return made


def options(**given: object) -> UpOptions:
    return UpOptions(**{"port": free_port(), "mqtt_port": free_port(), **given})  # pyright: ignore[reportArgumentType]


def names(stack: Stack) -> list[list[str]]:
    return [[part.name for part in stage] for stage in stack.stages]


def part(stack: Stack, name: str) -> Part:
    return next(part for stage in stack.stages for part in stage if part.name == name)


def test_by_default_all_parts_run_and_start_in_order(data_dir: DataDir):
    assert names(plan_stack(options(), data_dir)) == [
        ["postgres", "nats-server"],
        ["migrate", "platform-api", "telemetry-worker", "mqtt-ingestion-worker"],
        ["simulator"],
    ]


def test_each_part_is_told_what_it_needs(data_dir: DataDir):
    given = options()
    stack = plan_stack(given, data_dir)
    api = part(stack, "platform-api").environment
    assert api["SENS_API_PORT"] == str(given.port)
    assert api["SENS_ADMIN_API_KEY_FILE"] == str(data_dir.admin_api_key)
    assert api["SENS_CONFIG"] == str(data_dir.config)
    assert str(given.mqtt_port) in data_dir.config.read_text()
    assert f"mqtt://127.0.0.1:{given.mqtt_port}" in part(stack, "simulator").command
    workers = [part(stack, name) for name in ("platform-api", "telemetry-worker", "mqtt-ingestion-worker")]
    assert len({worker.environment["SENS_OPS_PORT"] for worker in workers}) == 3
    assert all(worker.environment["SENS_DATABASE_URL"].startswith("postgresql://sens:") for worker in workers)
    assert all(worker.environment["SENS_NATS_URL"].startswith("nats://platform:") for worker in workers)


@pytest.mark.parametrize(("free_gib", "limit_gib"), [(100, None), (30, 15), (0, 1 / 64)])
def test_the_log_takes_half_of_a_small_disk_unless_its_limit_is_given(
    data_dir: DataDir, monkeypatch: pytest.MonkeyPatch, free_gib: int, limit_gib: float | None
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free_gib * 1024**3))
    monkeypatch.delenv(LOG_LIMIT, raising=False)
    told = [part(plan_stack(options(), data_dir), name).environment.get(LOG_LIMIT) for name in WORKERS]
    assert told == [limit_gib and f"{int(limit_gib * 1024**3)}"] * 2
    monkeypatch.setenv(LOG_LIMIT, "50000000")
    assert LOG_LIMIT not in part(plan_stack(options(), data_dir), WORKERS[0]).environment


def test_what_the_log_has_counts_as_room_for_it(data_dir: DataDir, monkeypatch: pytest.MonkeyPatch):
    nats = EmbeddedNats(data_dir, free_port(), None)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    assert nats.room_bytes() == 1000
    (store := data_dir.nats / "jetstream").mkdir(parents=True)
    (store / "1.blk").write_bytes(b"x" * 500)
    assert nats.room_bytes() == 1500


def test_a_built_console_is_served_with_a_link_that_logs_in_and_else_it_is_told_how_to_get_one(
    data_dir: DataDir, tmp_path: Path
):
    given = options(console_dir=tmp_path / "dist")
    without = plan_stack(given, data_dir)
    assert "SENS_CONSOLE_DIR" not in part(without, "platform-api").environment
    assert "not built: `make console`" in without.hints[0]
    assert without.make_login_link is None
    given.console_dir.mkdir()
    (given.console_dir / "index.html").write_text("the console")
    with_console = plan_stack(given, data_dir)
    assert part(with_console, "platform-api").environment["SENS_CONSOLE_DIR"] == str(given.console_dir)
    assert f"http://127.0.0.1:{given.port}/" in with_console.hints[0]
    assert with_console.make_login_link is not None


def test_the_admin_api_key_is_written_once_for_its_owner_only(data_dir: DataDir):
    plan_stack(options(), data_dir)
    key = data_dir.admin_api_key.read_text()
    plan_stack(options(), data_dir)
    assert data_dir.admin_api_key.read_text() == key
    assert stat.S_IMODE(data_dir.admin_api_key.stat().st_mode) == 0o600


def test_the_users_own_configuration_runs_without_simulator_and_broker(data_dir: DataDir, tmp_path: Path):
    config = tmp_path / "sens.yaml"
    config.write_text("sources: []\n")
    stack = plan_stack(options(config=config, mqtt_port=None), data_dir)
    assert ["simulator"] not in names(stack)
    assert part(stack, "telemetry-worker").environment["SENS_CONFIG"] == str(config)
    assert "mqtt://" not in part(stack, "nats-server").url
    assert not data_dir.config.exists()


def test_the_users_own_configuration_with_a_port_runs_the_broker(data_dir: DataDir, tmp_path: Path):
    config = tmp_path / "sens.yaml"
    config.write_text("sources: []\n")
    assert "mqtt://" in part(plan_stack(options(config=config), data_dir), "nats-server").url


def test_servers_that_are_there_already_are_used(data_dir: DataDir):
    stack = plan_stack(options(database_url="postgresql://there", nats_url="nats://there"), data_dir)
    worker = part(stack, "telemetry-worker").environment
    assert (worker["SENS_DATABASE_URL"], worker["SENS_NATS_URL"]) == ("postgresql://there", "nats://there")
    # NATS remains as the simulator's broker.
    assert names(stack)[0] == ["nats-server"]


def test_with_all_given_no_server_is_started(data_dir: DataDir, tmp_path: Path):
    config = tmp_path / "sens.yaml"
    config.write_text("sources: []\n")
    given = options(config=config, mqtt_port=None, database_url="postgresql://there", nats_url="nats://there")
    assert names(plan_stack(given, data_dir))[0] == []


def test_the_simulator_can_be_left_out(data_dir: DataDir):
    assert ["simulator"] not in names(plan_stack(options(simulator=False), data_dir))


@pytest.mark.parametrize(("field", "option"), [("port", "--port"), ("mqtt_port", "--mqtt-port")])
def test_a_port_in_use_stops_before_anything_starts(data_dir: DataDir, field: str, option: str):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Fatal, match=rf"port {port}.*{option}"):
            plan_stack(options(**{field: port}), data_dir)
    assert not data_dir.admin_api_key.exists()


def test_two_options_may_not_share_a_port(data_dir: DataDir):
    port = free_port()
    with pytest.raises(Fatal, match="--mqtt-port"):
        plan_stack(options(port=port, mqtt_port=port), data_dir)


def test_every_program_that_is_started_is_there(data_dir: DataDir):
    stack = plan_stack(options(), data_dir)
    assert all(shutil.which(each.command[0]) for stage in stack.stages for each in stage)
