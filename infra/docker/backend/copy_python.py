"""Copies a virtual environment and what it needs to run into an empty root: `copy_python.py ENVIRONMENT ROOT`.

What it needs is the interpreter that runs this, its standard library, the shared libraries that all of them load, time
zones and authorities. The names of the Debian packages that these come from are written where scanners of images look
for them. No shell, package manager or compiler comes along.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

# Of the standard library: what installs packages, opens windows or tests itself. Of packages: tests, and what only
# compilers and editors read.
NOT_OF_PYTHON = (
    "__pycache__",
    "dist-packages",
    "ensurepip",
    "idlelib",
    "site-packages",
    "test",
    "tkinter",
    "turtledemo",
)
NOT_OF_PACKAGES = ("__pycache__", "tests", "*.pyi", "*.pxd", "*.h")
DATA = (
    Path("/etc/nsswitch.conf"),
    Path("/etc/os-release"),
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/usr/share/zoneinfo"),
)
USERS = "root:x:0:0:root:/:/nonexistent\nsens:x:10001:10001:sens:/tmp:/nonexistent\n"
GROUPS = "root:x:0:\nsens:x:10001:\n"
_LIBRARY = re.compile(r"^\s*(?:\S+ => )?(/\S+) \(0x|(not found)$", re.MULTILINE)


def copy_python(environment: Path, root: Path) -> None:
    """Fill `root`.

    Raises:
        RuntimeError: a shared library is missing.
    """
    make_folders(root)
    interpreter, standard_library = Path(sys.executable), Path(sysconfig.get_path("stdlib"))
    binaries = [interpreter.resolve(), *extension_modules(standard_library), *extension_modules(environment)]
    libraries = {path for path in shared_libraries(binaries) if not path.is_relative_to(environment)}
    files = [interpreter.resolve(), *sorted(libraries), *DATA]
    for path in files:
        copy(path, root)
    copy(standard_library, root, NOT_OF_PYTHON)
    copy(environment, root, NOT_OF_PACKAGES)
    link_interpreter(interpreter, root)
    name_packages([*files, standard_library / "os.py"], root)
    (root / "etc/passwd").write_text(USERS)
    (root / "etc/group").write_text(GROUPS)


def make_folders(root: Path) -> None:
    """The folders and links that every Debian has, as far as they are needed."""
    for name in ("dev", "etc", "proc", "sys", "usr/bin", "usr/lib", "usr/lib64"):
        (root / name).mkdir(parents=True)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    for name in ("bin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")


def extension_modules(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*.so*") if path.is_file())


def shared_libraries(binaries: Iterable[Path]) -> Iterator[Path]:
    """The paths by which the loader finds what `binaries` need."""
    for binary in binaries:
        told = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout
        for path, missing in _LIBRARY.findall(told):
            if missing:
                raise RuntimeError(f"{binary}: a library is missing:\n{told}")
            yield Path(path)


def copy(path: Path, root: Path, left_out: Iterable[str] = ()) -> None:
    """A file, under its own name also if it is a link, or a folder without what `left_out` matches, to the same path
    below `root`."""
    target = inside(root, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, target, symlinks=True, ignore=shutil.ignore_patterns(*left_out))
    else:
        shutil.copy2(path, target)


def inside(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def link_interpreter(interpreter: Path, root: Path) -> None:
    """Each link on the way from the name by which Python is called to its file."""
    while interpreter.is_symlink():
        target = interpreter.parent / interpreter.readlink()
        inside(root, interpreter).symlink_to(os.path.relpath(target, interpreter.parent))
        interpreter = target


def name_packages(paths: Iterable[Path], root: Path) -> None:
    """Write what Debian knows of the packages that `paths` come from, one file each, as its images without dpkg do."""
    folder = root / "var/lib/dpkg/status.d"
    folder.mkdir(parents=True)
    for path in {name for given in paths for name in (given, given.resolve())}:
        found = subprocess.run(["dpkg-query", "--search", path], capture_output=True, text=True, check=False).stdout
        for package in {line.partition(":")[0] for line in found.splitlines() if not line.startswith("diversion")}:
            status = subprocess.run(["dpkg-query", "--status", package], capture_output=True, text=True, check=True)
            (folder / package).write_text(status.stdout)


if __name__ == "__main__":
    copy_python(Path(sys.argv[1]), Path(sys.argv[2]))
