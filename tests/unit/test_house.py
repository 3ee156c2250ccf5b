"""The tests of the whole system are of nobody's making but their own."""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def imported(path: Path) -> Iterator[str]:
    """Names of the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def reached(paths: list[Path]) -> dict[str, str]:
    """Modules that the files import, also by way of others in the tests' folder → the file that does so."""
    found: dict[str, str] = {}
    while paths:
        path = paths.pop()
        for module in imported(path):
            if module not in found:
                found[module] = path.relative_to(TESTS).as_posix()
                own = TESTS / f"{module.replace('.', '/')}.py"
                paths += [own] if own.exists() else []
    return found


def test_the_system_tests_send_and_check_with_no_code_of_the_product() -> None:
    modules = reached(list((TESTS / "system").glob("*.py")))
    assert "servers" in modules, "the test's own premise"
    assert {module: file for module, file in modules.items() if module.partition(".")[0] == "sens"} == {}
