"""The folder in which a stack keeps all it has, and the lock that gives it to one `sens up` at a time."""

import contextlib
import fcntl
import os
from collections.abc import Generator
from pathlib import Path

from sens.domain.errors import Fatal


class DataDir:
    """What lies where. The folder is for its owner only: secrets and data are in it."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.postgres = self.path / "postgres"
        self.nats = self.path / "nats"
        self.logs = self.path / "logs"
        self.pids = self.path / "run"
        self.admin_api_key = self.path / "admin-api-key"
        self.config = self.path / "sens.yaml"

    def create(self) -> None:
        """Make the folders that are not there yet.

        Raises:
            Fatal: the place cannot be written to.
        """
        if self.path.exists() and not self.path.is_dir():
            raise Fatal(f"{self.path} is a file, not a folder: choose another with --data-dir")
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.logs.mkdir(exist_ok=True)
            self.pids.mkdir(exist_ok=True)
        except OSError as error:
            raise Fatal(f"cannot make {self.path} ({error.strerror}): choose another with --data-dir") from error

    @contextlib.contextmanager
    def locked(self) -> Generator[None]:
        """Own the folder; the kernel gives it free when this process ends, however it ends.

        Raises:
            Fatal: another `sens up` owns it.
        """
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                owner = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "?"
                raise Fatal(
                    f"another sens up (process {owner}) runs with the data in {self.path}: "
                    "stop it, or choose another folder with --data-dir"
                ) from error
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)
