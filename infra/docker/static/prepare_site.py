"""Makes a built site ready for the web server: `prepare_site.py FOLDER`, standard library only.

Beside each text that gets smaller it writes a compressed copy, which the server sends to who takes that, and beside the
folder `inline_scripts.conf`, which allows by their hashes the scripts that are written into the site's pages.
"""

import base64
import gzip
import hashlib
import re
import sys
from collections.abc import Iterable
from pathlib import Path

COMPRESSED = frozenset({".css", ".html", ".js", ".json", ".map", ".svg", ".txt", ".xml"})
_SCRIPT = re.compile(rb"<script(?P<attributes>[^>]*)>(?P<text>.*?)</script>", re.DOTALL | re.IGNORECASE)


def prepare(site: Path) -> None:
    """Compress what is in `site` and write the policy beside it."""
    for stale in site.rglob("*.gz"):
        stale.unlink()
    files = sorted(path for path in site.rglob("*") if path.is_file())
    pages = [path.read_bytes() for path in files if path.suffix == ".html"]
    for path in files:
        if path.suffix in COMPRESSED:
            compress(path)
    (site.parent / "inline_scripts.conf").write_text(inline_scripts(pages))


def compress(path: Path) -> None:
    """Write `path` + `.gz`, which bears no time, if it is smaller."""
    text = path.read_bytes()
    packed = gzip.compress(text, mtime=0)
    if len(packed) < len(text):
        path.with_name(f"{path.name}.gz").write_bytes(packed)


def inline_scripts(pages: Iterable[bytes]) -> str:
    """The nginx variable `$inline_scripts`: a source for `script-src` for each script in the pages, after a space."""
    digests = {hashlib.sha256(script).digest() for page in pages for script in _scripts(page)}
    sources = sorted(f" 'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return f'map "" $inline_scripts {{\n    default "{"".join(sources)}";\n}}\n'


def _scripts(page: bytes) -> list[bytes]:
    """What a browser would run: neither files, which have a `src`, nor data, which has a type."""
    found = [(match["attributes"], match["text"]) for match in _SCRIPT.finditer(page)]
    return [text for attributes, text in found if b"src=" not in attributes and b"type=" not in attributes]


if __name__ == "__main__":
    prepare(Path(sys.argv[1]))
