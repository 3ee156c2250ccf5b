"""What goes into the images is what everything else was tested with."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
_PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)
_NAME = re.compile(r"^[A-Za-z0-9._-]+")


def pins(lock: str) -> set[tuple[str, str]]:
    return set(_PIN.findall((ROOT / lock).read_text()))


def declared(*keys: str) -> set[str]:
    value = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for key in keys:
        value = value[key]
    return {_normalized(requirement) for requirement in value}


def _normalized(requirement: str) -> str:
    found = _NAME.match(requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found[0]).lower()


@pytest.mark.parametrize("lock", ["requirements-runtime.lock", "requirements-docs.lock", "requirements-wheels.lock"])
def test_the_locks_of_the_images_pin_what_the_whole_lock_pins(lock: str):
    assert pins(lock) <= pins("requirements.lock")
    unhashed = re.findall(r"^\S+==[^\\]*$", (ROOT / lock).read_text(), re.MULTILINE)
    assert unhashed == []


@pytest.mark.parametrize(
    ("lock", "keys"),
    [
        ("requirements-runtime.lock", ("project", "dependencies")),
        ("requirements-docs.lock", ("dependency-groups", "docs")),
        ("requirements-wheels.lock", ("dependency-groups", "wheels")),
        ("requirements-wheels.lock", ("build-system", "requires")),
    ],
)
def test_the_locks_of_the_images_have_all_that_is_declared(lock: str, keys: tuple[str, ...]):
    assert declared(*keys) <= {name for name, _ in pins(lock)}


def test_the_runtime_lock_has_what_its_packages_need_here():
    names = {name for name, _ in pins("requirements-runtime.lock")}
    needed = {
        _normalized(requirement)
        for name in declared("project", "dependencies")
        for requirement in metadata.requires(name) or []
        if ";" not in requirement
    }
    assert needed <= names


def test_the_embedded_servers_are_in_no_image():
    assert not declared("project", "optional-dependencies", "local") & {
        name for name, _ in pins("requirements-runtime.lock")
    }
