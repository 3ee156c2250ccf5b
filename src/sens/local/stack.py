"""Which parts make up a stack, in which order, and what each is told."""

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sens.domain.errors import Fatal
from sens.local.data_dir import DataDir
from sens.local.login_link import MakeLink, link_maker
from sens.local.nats_server import EmbeddedNats
from sens.local.part import Part, Probe
from sens.local.ports import HOST, free_ports, require_free
from sens.local.postgres import EmbeddedPostgres
from sens.local.private_file import api_key, kept_secret
from sens.local.probes import http_alive, http_ready
from sens.local.rates import MESSAGES_IN, READINGS, STORED, Counted
from sens.local.sources import source_notice
from sens.runtime.exits import ExitCode
from sens.sources.defaults import simulator_configuration

DEFAULT_MQTT_PORT = 1883
# Longer than SENS_DRAIN_TIMEOUT_S is by default, so that a part reports its own unfinished drain.
DEPLOYABLE_GRACE_S = 30.0
LOG_LIMIT = "SENS_RAW_STREAM_MAX_BYTES"
# What that setting is by default, and at least.
LOG_BYTES, SMALLEST_LOG_BYTES = 20 * 1024**3, 16 * 1024**2
# Of each deployable there is one: the first replica, also for shared sources.
INSTANCE = f"{socket.gethostname()}-0"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """What `sens up` is told.

    Attributes:
        config: the user's own sources, a checked file; None: the simulator's.
        data_dir: where everything is kept.
        port: of the API.
        mqtt_port: of the mock broker; None: 1883 with the simulator's configuration, and no mock broker with
            the user's own, whose brokers may want that port.
        simulator: run the simulator (never with the user's own configuration).
        console_dir: the built web console; served where it is there.
        database_url, nats_url: servers that are there already; None: embedded ones.
        as_json: print JSON lines.
    """

    config: Path | None = None
    data_dir: Path = Path(".sens")
    port: int = 8080
    mqtt_port: int | None = None
    simulator: bool = True
    console_dir: Path = Path("web-console/dist")
    database_url: str | None = None
    nats_url: str | None = None
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Stack:
    """Parts by stage, counters to show as rates, and what to tell the user.

    Attributes:
        make_login_link: asks the API for a link that logs in to the console; None: there is no console.
    """

    stages: Sequence[Sequence[Part]]
    counted: Sequence[Counted] = ()
    hints: Sequence[str] = field(default_factory=list[str])
    make_login_link: MakeLink | None = None


def plan_stack(options: UpOptions, data_dir: DataDir) -> Stack:
    """The stack that the options ask for; writes the secrets and the configuration it needs.

    Raises:
        Fatal: a port is in use, an embedded server is not installed.
    """
    mqtt_port = options.mqtt_port or (None if options.config else DEFAULT_MQTT_PORT)
    require_free(options.port, "--port")
    if mqtt_port == options.port:
        raise Fatal(f"port {mqtt_port} is asked for twice: choose another with --mqtt-port or --port")
    if mqtt_port is not None:
        require_free(mqtt_port, "--mqtt-port")
    postgres_port, nats_port, *ops_ports = free_ports(5)
    servers: list[Part] = []
    database_url, nats_url, nats = options.database_url, options.nats_url, None
    if database_url is None:
        postgres = EmbeddedPostgres(data_dir, postgres_port)
        database_url = postgres.url
        servers.append(postgres.part())
    if nats_url is None or mqtt_port is not None:
        nats = EmbeddedNats(data_dir, nats_port, mqtt_port)
        nats_url = nats_url or nats.url
        servers.append(nats.part())
    log_limit = _log_limit(nats) if nats and nats_url == nats.url else {}
    admin_api_key = kept_secret(data_dir.admin_api_key, api_key)
    make_login_link = link_maker(f"http://{HOST}:{options.port}", admin_api_key) if _has_console(options) else None
    common = {
        "SENS_CONFIG": f"{_configuration(options, data_dir, mqtt_port)}",
        "SENS_DATABASE_URL": database_url,
        "SENS_NATS_URL": nats_url,
        "SENS_LOG_FORMAT": "json",
        **log_limit,
    }
    # Deployables wait for the schema's revision by themselves, and their start is mostly their own imports.
    stages = [servers, [_migrate(common), *_deployables(options, data_dir, common, ops_ports)]]
    if options.simulator and options.config is None:
        stages.append([_simulator(f"mqtt://{HOST}:{mqtt_port}")])
    return Stack(stages, _counted(ops_ports), _hints(options, data_dir), make_login_link)


def _log_limit(nats: EmbeddedNats) -> dict[str, str]:
    """Half of the disk's room for the log, where that is less than it takes by default and nobody said otherwise."""
    half = nats.room_bytes() // 2
    if half >= LOG_BYTES or LOG_LIMIT in os.environ:
        return {}
    return {LOG_LIMIT: f"{max(half, SMALLEST_LOG_BYTES)}"}


def _configuration(options: UpOptions, data_dir: DataDir, mqtt_port: int | None) -> Path:
    if options.config is not None:
        return options.config.absolute()
    data_dir.config.write_text(simulator_configuration(mqtt_port or DEFAULT_MQTT_PORT))
    return data_dir.config


def _migrate(common: Mapping[str, str]) -> Part:
    return Part(
        name="migrate",
        command=_sens("migrate"),
        environment=common,
        task=True,
        grace_s=DEPLOYABLE_GRACE_S,
    )


def _deployables(
    options: UpOptions, data_dir: DataDir, common: Mapping[str, str], ops_ports: Sequence[int]
) -> list[Part]:
    """In the order in which they start; they stop the other way round: what takes messages in stops first."""
    api_port, telemetry_port, ingestion_port = ops_ports
    url = f"http://{HOST}:{options.port}"
    admin_api_key = kept_secret(data_dir.admin_api_key, api_key)
    api = {
        "SENS_API_HOST": HOST,
        "SENS_API_PORT": f"{options.port}",
        "SENS_ADMIN_API_KEY_FILE": f"{data_dir.admin_api_key}",
    }
    if _has_console(options):
        api["SENS_CONSOLE_DIR"] = f"{options.console_dir.absolute()}"
    return [
        _deployable("platform-api", common, api_port, api, url=url),
        _deployable("telemetry-worker", common, telemetry_port),
        _deployable("mqtt-ingestion-worker", common, ingestion_port, notice=source_notice(url, admin_api_key)),
    ]


def _deployable(
    name: str,
    common: Mapping[str, str],
    ops_port: int,
    more: Mapping[str, str] | None = None,
    url: str = "",
    notice: Probe | None = None,
) -> Part:
    return Part(
        name=name,
        command=_sens(name),
        environment={**common, "SENS_OPS_PORT": f"{ops_port}", "SENS_INSTANCE": INSTANCE, **(more or {})},
        ready=http_ready(f"http://{HOST}:{ops_port}/readyz"),
        alive=http_alive(f"http://{HOST}:{ops_port}/healthz"),
        notice=notice,
        hopeless_code=ExitCode.CONFIGURATION,
        grace_s=DEPLOYABLE_GRACE_S,
        url=url,
    )


def _simulator(broker: str) -> Part:
    return Part(name="simulator", command=_sens("simulate", "--broker", broker), hopeless_code=ExitCode.USAGE)


def _sens(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "sens", *arguments]


def _counted(ops_ports: Sequence[int]) -> list[Counted]:
    _, telemetry_port, ingestion_port = ops_ports
    return [
        Counted("messages/s in", f"http://{HOST}:{ingestion_port}/metrics", MESSAGES_IN),
        Counted("readings/s stored", f"http://{HOST}:{telemetry_port}/metrics", READINGS, STORED),
    ]


def _has_console(options: UpOptions) -> bool:
    return (options.console_dir / "index.html").is_file()


def _hints(options: UpOptions, data_dir: DataDir) -> list[str]:
    console = (
        f"http://{HOST}:{options.port}/"
        if _has_console(options)
        else "not built: `make console` builds it, with Node 20.19 or newer; the next start prints a link that logs in"
    )
    return [
        f"console: {console}",
        f"data: {data_dir.path}   logs: {data_dir.logs}   admin API key: {data_dir.admin_api_key}",
        "Ctrl-C drains and stops all; a second Ctrl-C stops at once.",
    ]
