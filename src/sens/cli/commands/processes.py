"""Commands that run a part of the platform, or all of it."""

from pathlib import Path
from typing import Annotated

import typer

from sens.cli.errors import WrongArgument
from sens.cli.options import DEFAULT_URL, AsJson
from sens.runtime.exits import ExitCode

app = typer.Typer()

MAX_PORT = 65_535

MqttPort = Annotated[
    int | None,
    typer.Option(
        metavar="PORT",
        help="Port of the mock broker. Default: 1883; with --config there is none unless you name one.",
        min=1,
        max=MAX_PORT,
    ),
]


@app.command("mqtt-ingestion-worker")
def mqtt_ingestion_worker() -> int:
    """Run the ingestion worker: MQTT → JetStream.

    It is told everything by SENS_* variables: see the settings."""
    from sens.mqtt_ingestion_worker.main import main as run

    return run()


@app.command("telemetry-worker")
def telemetry_worker() -> int:
    """Run the telemetry worker: JetStream → PostgreSQL.

    It is told everything by SENS_* variables: see the settings."""
    from sens.telemetry_worker.main import main as run

    return run()


@app.command("platform-api")
def platform_api() -> int:
    """Run the HTTP API.

    It is told everything by SENS_* variables: see the settings."""
    from sens.platform_api.main import main as run

    return run()


@app.command()
def migrate(
    wait: Annotated[
        bool,
        typer.Option(
            "--wait",
            help="Change nothing: wait until the schema is new enough for this build, and say what is waited for. Ends "
            "with 0 then, with 3 at once if the schema is too new for it, with 4 when the time is over.",
        ),
    ] = False,
    create_roles: Annotated[
        bool,
        typer.Option(
            "--create-roles",
            help="Migrate nothing: as an administrator of the server, make the roles of SENS_DATABASE_*_ROLE with the "
            "passwords of SENS_DATABASE_*_PASSWORD, and the database, owned by the owner. Run again, it sets the "
            "passwords anew.",
        ),
    ] = False,
    status: Annotated[
        bool,
        typer.Option(
            "--status",
            help="Change nothing: print, as JSON, the schema's `revision`, the `oldest_revision` that a build must "
            "know to work with it, and the one that `this_build` knows. Ask it before you go back to an older release.",
        ),
    ] = False,
    before_rollback: Annotated[
        bool,
        typer.Option(
            "--before-rollback",
            help="Change nothing: end with 3 if the schema is too new to go back to this build. A database that does "
            "not answer in time, or lets nobody in, is told and refuses nothing: ends with 0 then too.",
        ),
    ] = False,
    timeout_s: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", help="How long to wait for the database.", min=0)
    ] = 600.0,
) -> int:
    """Bring the database's schema up to date.

    The database is the one in SENS_DATABASE_URL; it is waited for while it starts. Safe to run twice, and at the same
    time. A schema that is newer already, and that this build can work with, is left as it is. The roles that are named
    by SENS_DATABASE_*_ROLE get what they need.
    """
    from sens.cli import migrate as command

    if wait + create_roles + status + before_rollback > 1:
        raise WrongArgument("--wait, --create-roles, --status and --before-rollback do different things: give one")
    if status:
        return command.status()
    if before_rollback:
        return command.before_rollback(timeout_s=timeout_s)
    if create_roles:
        return command.create_roles(timeout_s=timeout_s)
    return command.wait(timeout_s=timeout_s) if wait else command.run(timeout_s=timeout_s)


@app.command()
def up(
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Your own brokers and topics; left out: a mock broker and the simulator."),
    ] = None,
    data_dir: Annotated[Path, typer.Option(metavar="FOLDER", help="Where everything is kept.")] = Path(".sens"),
    port: Annotated[int, typer.Option(metavar="PORT", help="Port of the API.", min=1, max=MAX_PORT)] = 8080,
    mqtt_port: MqttPort = None,
    no_simulator: Annotated[bool, typer.Option("--no-simulator", help="Start no simulated devices.")] = False,
    database_url: Annotated[
        str | None, typer.Option(metavar="URL", help="A PostgreSQL that is there already; left out: an embedded one.")
    ] = None,
    nats_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A NATS with JetStream that is there already; left out: an embedded one."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Run the whole platform on this machine.

    Ctrl-C drains and stops all of it; a second Ctrl-C stops at once. The next `sens up` goes on with the same data.
    """
    from sens.cli.check import usable
    from sens.local.up import UpOptions, up

    if config is not None and not usable(config):
        return ExitCode.CONFIGURATION
    return up(
        UpOptions(
            config=config,
            data_dir=data_dir,
            port=port,
            mqtt_port=mqtt_port,
            simulator=not no_simulator,
            database_url=database_url,
            nats_url=nats_url,
            as_json=as_json,
        )
    )


@app.command()
def simulate(
    devices: Annotated[int, typer.Option(metavar="N", help="How many devices take turns.", min=1)] = 20,
    rate: Annotated[float, typer.Option(metavar="N", help="Messages a second of all devices together.")] = 10.0,
    broker: Annotated[
        str, typer.Option(metavar="URL", help="mqtt://[user:password@]host[:port], or mqtts:// for TLS.")
    ] = "mqtt://127.0.0.1:1883",
    qos: Annotated[int, typer.Option(metavar="0|1|2", help="MQTT quality of service.", min=0, max=2)] = 1,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed sends the same values.")] = 1,
    messages: Annotated[
        int | None, typer.Option(metavar="N", help="Stop after so many; left out: go on until Ctrl-C.", min=1)
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Send the messages of simulated devices.

    Without --messages until Ctrl-C, through any time without a broker; with it half a minute without one ends it. Ends
    with 4 when not all was sent, or the broker did not acknowledge it.
    """
    from sens.domain.errors import Fatal
    from sens.simulator.main import main as run
    from sens.simulator.settings import SimulatorSettings

    try:
        settings = SimulatorSettings(devices=devices, rate=rate, broker=broker, qos=qos, seed=seed, messages=messages)
    except Fatal as error:
        raise WrongArgument(str(error)) from error
    return run(settings, as_json=as_json)


@app.command()
def smoke(
    api: Annotated[str, typer.Option(metavar="URL", help="URL of the API.")] = DEFAULT_URL,
    docs: Annotated[str | None, typer.Option(metavar="URL", help="URL of the docs; left out: not asked for.")] = None,
    version: Annotated[
        str | None, typer.Option(metavar="VERSION", help="What must run; left out: whatever does.")
    ] = None,
    wait_s: Annotated[float, typer.Option("--wait", metavar="SECONDS", help="Until when it must work.", min=0)] = 0.0,
) -> int:
    """Ask an installation whether it works.

    Health, readiness, version and docs are asked for. Ends with 4 if it does not, and says why.
    """
    from sens.cli.smoke import run

    return run(api.rstrip("/"), docs and docs.rstrip("/"), version, wait_s)
