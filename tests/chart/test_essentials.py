"""What each environment and example installs, as a small text beside this file that shows a reviewer what changes.

Renew the texts after a change that is meant: `SENS_RENEW_ESSENTIALS=1 pytest tests/chart/test_essentials.py`.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from helm import VALUES, Object, render

TEXTS = Path(__file__).parent / "essentials"


def _lines(each: Object) -> Iterator[str]:
    """An object's kind, name and number of pods; below it images, hosts and ports."""
    spec = each.get("spec", {})
    # The names of the Job and of the configuration end with a hash of what they are made of.
    name = re.sub(r"(-migrations|-config)-[0-9a-f]{10}$", r"\1-HASH", each["metadata"]["name"])
    yield f"{each['kind']} {name}{_count(spec)}"
    pod = spec.get("template", {}).get("spec", {})
    for container in [*pod.get("initContainers", []), *pod.get("containers", [])]:
        ports = "".join(f" {port['name']}={port['containerPort']}" for port in container.get("ports", []))
        yield f"  {container['name']}: {container['image']}{ports}"
    for claim in spec.get("volumeClaimTemplates", []):
        yield f"  {claim['metadata']['name']}: {claim['spec']['resources']['requests']['storage']}"
    if each["kind"] == "Service":
        yield from (f"  {spec['type']} {port['port']} -> {port['targetPort']}" for port in spec["ports"])
    if each["kind"] == "Ingress":
        yield from _routes(spec)


def _count(spec: Object) -> str:
    return f" x{spec['replicas']}" if "replicas" in spec else ""


def _routes(spec: Object) -> Iterator[str]:
    scheme = "https" if "tls" in spec else "http"
    for rule in spec["rules"]:
        for path in rule["http"]["paths"]:
            yield f"  {scheme}://{rule['host']}{path['path']} -> {path['backend']['service']['name']}"


def _essentials(rendered: list[Object]) -> str:
    ordered = sorted(rendered, key=lambda each: (each["kind"], each["metadata"]["name"]))
    return "".join(f"{line}\n" for each in ordered for line in _lines(each))


@pytest.mark.parametrize("name", VALUES)
def test_what_is_installed_is_what_was_reviewed(name: str) -> None:
    text = TEXTS / f"{name}.txt"
    installed = _essentials(render(name))
    if os.environ.get("SENS_RENEW_ESSENTIALS") == "1":
        text.write_text(installed)
    assert installed == text.read_text(), (
        "if it is meant: SENS_RENEW_ESSENTIALS=1 pytest tests/chart/test_essentials.py"
    )


def test_every_text_belongs_to_an_environment_or_an_example() -> None:
    assert {path.stem for path in TEXTS.iterdir()} == set(VALUES)
