"""The web console's files, served beside the API: everything is read at the start, so no path leads elsewhere."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sens.domain.errors import Fatal

INDEX: Final = "/index.html"
_HASHED: Final = "/assets/"
"""Names in there bear a hash of what is in the file, so a browser may keep it for good."""
_API: Final = ("/api", "/healthz", "/readyz", "/version", "/metrics")
# The component library writes its variables into the page, so styles may be inline; scripts never.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_COMPRESSED: Final = ("text/", "image/svg")
# Python's own table differs between systems, and browsers refuse a script of another type.
_MEDIA_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class ConsoleFile:
    """A file as it is sent; `gzipped` is None where that would not make it smaller."""

    body: bytes
    gzipped: bytes | None
    media_type: str
    etag: str


@dataclass(frozen=True, slots=True)
class _Route:
    """What the metrics call these requests: paths would make series without end."""

    path: str = "console"


class Console:
    """Answers for files and pages of the console, and leaves all else to the API."""

    def __init__(self, api: ASGIApp, files: Mapping[str, ConsoleFile]) -> None:
        self._api = api
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(scope)
        if found is None:
            await self._api(scope, receive, send)
            return
        scope["route"] = _Route()
        await _answer(found, Headers(scope=scope), cached=scope["path"].startswith(_HASHED))(scope, receive, send)

    def _find(self, scope: Scope) -> ConsoleFile | None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return None
        path: str = scope["path"]
        if any(path == prefix or path.startswith(f"{prefix}/") for prefix in _API):
            return None
        # A page of the console is whatever has no file of its own; what looks like a file is one or is missing.
        is_page = "." not in path.rpartition("/")[2] and not path.startswith(_HASHED)
        return self._files.get(path) or (self._files[INDEX] if is_page else None)


def read_console(folder: Path) -> Mapping[str, ConsoleFile]:
    """The files of a built console by URL path.

    Raises:
        Fatal: the folder has no console.
    """
    try:
        paths = [path for path in folder.rglob("*") if path.suffix in _MEDIA_TYPES and path.is_file()]
        found = {f"/{path.relative_to(folder).as_posix()}": _file(path) for path in paths}
    except OSError as error:
        raise Fatal(f"SENS_CONSOLE_DIR: cannot read {folder}: {error.strerror or error}") from error
    if INDEX not in found:
        raise Fatal(f"SENS_CONSOLE_DIR: there is no index.html in {folder}: build the console with `make console`")
    return found


def _file(path: Path) -> ConsoleFile:
    body = path.read_bytes()
    media_type = _MEDIA_TYPES[path.suffix]
    gzipped = gzip.compress(body, mtime=0) if media_type.startswith(_COMPRESSED) else None
    return ConsoleFile(
        body=body,
        gzipped=gzipped if gzipped is not None and len(gzipped) < len(body) else None,
        media_type=media_type,
        etag=hashlib.sha256(body).hexdigest()[:32],
    )


def _answer(file: ConsoleFile, asked: Headers, *, cached: bool) -> Response:
    gzipped = file.gzipped if "gzip" in asked.get("accept-encoding", "") else None
    etag = f'"{file.etag}{"-gzip" if gzipped else ""}"'
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if cached else "no-cache",
        "Content-Security-Policy": _POLICY,
        "ETag": etag,
        "Vary": "Accept-Encoding",
    }
    if etag in asked.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if gzipped:
        headers["Content-Encoding"] = "gzip"
    return Response(gzipped or file.body, headers=headers, media_type=file.media_type)
