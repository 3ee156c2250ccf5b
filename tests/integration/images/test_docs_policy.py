"""The documentation as it is built runs under the policy that its image sends."""

import base64
import hashlib
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PREPARE = ROOT / "infra/docker/static/prepare_site.py"
RUN_TYPES = (None, "", "module", "text/javascript", "application/javascript")


class Scripts(HTMLParser):
    """Finds what a page runs that is in the page itself."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.handlers: list[str] = []
        self._is_inline = False
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._is_inline = tag == "script" and "src" not in given and given.get("type") in RUN_TYPES
        if self._is_inline:
            self.inline.append("")
        self.handlers += [name for name in given if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        if self._is_inline:
            self.inline[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._is_inline = False


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("docs") / "site"
    mkdocs = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(site)]
    subprocess.run(mkdocs, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, check=True)
    subprocess.run([sys.executable, PREPARE, site], check=True)
    return site


def test_every_script_in_a_page_is_allowed_by_its_hash(site: Path):
    allowed = (site.parent / "inline_scripts.conf").read_text()
    scripts = {script for page in site.rglob("*.html") for script in Scripts(page).inline}
    assert scripts
    for script in scripts:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in allowed, script


def test_no_page_has_handlers_in_its_elements_which_no_hash_allows(site: Path):
    assert {name for page in site.rglob("*.html") for name in Scripts(page).handlers} == set()


def test_every_text_that_gets_smaller_is_compressed(site: Path):
    assert (site / "index.html.gz").exists()
    assert (site / "search" / "search_index.json.gz").exists()
    assert not list(site.rglob("*.png.gz"))
