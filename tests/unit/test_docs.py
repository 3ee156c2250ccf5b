"""What people read is held to the code: generated pages are current, commands and examples work."""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sens.cli.decode import decode
from sens.decoders.registry import DECODERS
from sens.sources import Configuration, examine, parse

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
COMMAND = re.compile(r"(?:^|[\s(])(?:\.venv/bin/)?sens ((?:[\w-][^|>#()]*)?)")

OF_CLUSTERS = re.compile(r"\b(?:kubectl|helm) (?:(?! -- )[^|;&])*")
"""To these `sens` is a namespace or a release, up to what they run in a container."""


def load_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "tools" / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


tool = load_tool()
OPTIONS: dict[str, list[str]] = {path: tool.options_of(command) for path, command, _ in tool.commands()}


@pytest.mark.parametrize("path", tool.pages(), ids=lambda path: path.name)
def test_the_generated_reference_is_current(path: Path):
    assert path.read_text() == tool.pages()[path], "run make docs"


def test_a_reference_page_that_is_stale_or_unknown_to_git_or_left_over_is_told(tmp_path: Path):
    folder = tmp_path / "docs" / "reference"
    folder.mkdir(parents=True)
    kept, stale, unknown, left_over = (folder / name for name in ("kept.md", "stale.md", "unknown.md", "left-over.md"))
    for page in (kept, stale, left_over):
        page.write_text("old")
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    unknown.write_text("new")
    told = tool.problems(tmp_path, {kept: "old", stale: "new", unknown: "new"})
    names = [line.split(" ", 1)[0].removeprefix("docs/reference/") for line in told]
    assert names == [page.name for page in (stale, unknown, left_over)]


def commands_in(text: str) -> Iterator[str]:
    """What follows `sens` in code, and what follows it in `make up ARGS=…`."""
    for block, inline in CODE.findall(text):
        for line in (block or inline).replace("\\\n", " ").splitlines():
            yield from (found.strip() for found in COMMAND.findall(OF_CLUSTERS.sub("", line)))
            yield from (f"up {found}" for found in re.findall(r'make up ARGS="([^"]*)"', line))


def problem_of(words: list[str]) -> str | None:
    """Why there is no such command, or no such option of it."""
    named = [word for word in words if re.fullmatch(r"[a-z-]+", word)]
    groups = {path.split()[0] for path in OPTIONS if " " in path}
    path = " ".join(named[:2]) if " ".join(named[:2]) in OPTIONS else " ".join(named[:1])
    if path not in OPTIONS:
        return None if not named or (path in groups and len(named) == 1) else "no such command"
    unknown = [word for word in words if word.startswith("-") and word.split("=")[0] not in OPTIONS[path]]
    return f"no such option: {unknown}" if unknown else None


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_command_in_the_docs_exists_with_its_options(page: Path):
    wrong = {command: problem_of(command.split()) for command in commands_in(page.read_text())}
    assert {command: why for command, why in wrong.items() if why} == {}


def test_the_commands_in_the_docs_are_found():
    found = {command.split()[0] for page in PAGES[:1] for command in commands_in(page.read_text()) if command}
    assert {"up", "tail", "ledger"} <= found
    assert problem_of(["source", "dry"]) == "no such command"
    assert problem_of(["quarantine", "eat", "1"]) == "no such command"
    assert problem_of(["tail", "--nope"]) is not None


def test_every_command_of_the_program_is_in_the_reference():
    text = (ROOT / "docs" / "reference" / "cli.md").read_text()
    assert [path for path in OPTIONS if f"\n## sens {path}\n" not in text] == []


def test_every_decoder_has_its_section_and_options():
    text = (ROOT / "docs" / "decoders.md").read_text()
    assert [name for name in DECODERS if f"\n## {name}\n" not in text] == []
    assert [name for name in DECODERS if f"<!-- options of {name} -->" not in text] == []


def section(name: str) -> str:
    return (ROOT / "docs" / "decoders.md").read_text().partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def rules(name: str) -> list[str]:
    """The topics of a section's examples, each with all that is said of it, indented for a source."""
    found: list[str] = []
    for block in re.findall(r"```yaml\n(.*?)```", section(name), re.DOTALL):
        lines = block.removeprefix("topics:\n")
        if lines.lstrip().startswith("- "):
            found.append(lines)
        else:
            found.append(found[0] + lines)
    return found


def configuration(rule: str) -> Configuration:
    head = (
        "retention: {raw: forever}\nsources:\n  - name: plant-a\n    broker: mqtt://broker.example.org\n    topics:\n"
    )
    return parse(head + re.sub(r"^", "    ", rule, flags=re.MULTILINE).rstrip(), name="page", decoders=DECODERS)


def read(name: str, number: int, topic: str, payload: str) -> list[tuple[str, str, Any]]:
    """Device, metric and value of the readings that an example of the page gives."""
    assert " ".join(payload.split()) in " ".join(section(name).split())
    configured = configuration(rules(name)[number])
    result = decode(configured, configured.sources[0], topic, payload.encode())
    return [(reading["device"], reading["metric"], reading["value"]) for reading in result["readings"]]


@pytest.mark.parametrize("name", DECODERS)
def test_the_examples_of_a_decoder_are_right(name: str):
    assert [configuration(rule).sources[0].topics[0].decoder for rule in rules(name)] == [name] * len(rules(name))


def test_the_json_examples_give_what_the_page_says():
    payload = '{"ts": 1790000000, "temperature": 21.5, "motor": {"rpm": 1450, "on": true}, "phases": [230, 231]}'
    assert read("json", 0, "sens/d7/telemetry", payload) == [
        ("d7", "temperature", 21.5),
        ("d7", "motor.rpm", 1450),
        ("d7", "motor.on", True),
        ("d7", "phases.0", 230),
        ("d7", "phases.1", 231),
    ]
    payload = '{"id": "d7", "name": "temperature", "value": 21.5}'
    assert read("json", 2, "gateway/up", payload) == [("d7", "temperature", 21.5)]
    payload = '{"gateway": "g1", "samples": [{"ts": 1790000000, "t": 20.1}, {"ts": 1790000060, "t": 20.2}]}'
    assert read("json", 3, "bulk/g1", payload) == [("g1", "t", 20.1), ("g1", "t", 20.2)]


def test_the_other_examples_give_what_the_page_says():
    assert read("plain", 0, "plant/d7/motor/temperature", "21.5") == [("d7", "motor/temperature", 21.5)]
    payload = (
        '[{"bn": "urn:dev:mac:0024befffe804ff1/", "bt": 1790000000, "n": "temperature", "u": "Cel", "v": 23.1}, '
        '{"n": "humidity", "u": "%RH", "t": 10, "v": 60}]'
    )
    device = "urn:dev:mac:0024befffe804ff1"
    assert read("senml", 0, "senml/up", payload) == [(device, "temperature", 23.1), (device, "humidity", 60)]
    payload = "cpu,host=server1,cpu=cpu0 usage_idle=98.2,usage_user=1.1 1790000000000000000"
    assert read("influx", 0, "telegraf/cpu", payload) == [
        ("server1", "cpu.cpu=cpu0.usage_idle", 98.2),
        ("server1", "cpu.cpu=cpu0.usage_user", 1.1),
    ]


def test_the_configuration_to_start_with_is_right():
    text = (ROOT / "docs" / "getting-started.md").read_text()
    [block] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert examine(block, name="page", decoders=DECODERS).problems == []


def test_the_mistakes_that_the_page_shows_are_told_of_its_file():
    text = (ROOT / "docs" / "configuration.md").read_text()
    wrong, shown = re.findall(r"```\n(.*?)```", text, re.DOTALL)[:2]
    told = [f"{problem}" for problem in examine(wrong, name="sens.yaml", decoders=DECODERS).problems]
    patterns = [re.escape(line).replace("…", ".*") for line in shown.splitlines()]
    assert len(told) == len(patterns), told
    assert [line for line, pattern in zip(told, patterns, strict=True) if not re.fullmatch(pattern, line)] == []


PICTURE = re.compile(r"!\[[^\]]+\]\((pictures/[^)]+)\)")


def test_each_picture_of_the_docs_is_there_and_shown_and_they_are_small_in_all():
    shown = {ROOT / "docs" / path for page in PAGES for path in PICTURE.findall(page.read_text())}
    taken = set((ROOT / "docs" / "pictures").iterdir())
    assert shown == taken
    assert sum(path.stat().st_size for path in taken) < 1_500_000
